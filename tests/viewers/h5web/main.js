// h5web around one file of the same server: /?file=NAME&path=/inside/the/file
import '@h5web/app/styles.css';
import { App } from '@h5web/app';
import { H5WasmBufferProvider } from '@h5web/h5wasm';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

async function show(filename, initialPath) {
  const answer = await fetch(filename);
  if (!answer.ok) {
    throw new Error(`${filename}: ${answer.status}`);
  }
  const buffer = await answer.arrayBuffer();
  const app = createElement(App, { initialPath });
  const page = createElement(H5WasmBufferProvider, { filename, buffer }, app);
  createRoot(document.getElementById('root')).render(page);
}

const asked = new URLSearchParams(window.location.search);
show(asked.get('file'), asked.get('path'));
