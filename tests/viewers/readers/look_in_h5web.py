"""
Look at a unit's spike probability in h5web, in a headless Chromium: ADDRESS CHROMIUM UNIT FOLDER.

Leaves FOLDER/plot.png (the line plot's canvas) and FOLDER/seen.json.
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

# Line plots are WebGL, which SwiftShader draws where there is no graphics card.
DRAWING = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE_MS = 120_000

address, chromium, unit, folder = sys.argv[1:]


def plot_unit(page: Page) -> None:
    """
    Choose the line view, with time along x, and one unit, each once the plot before it listens.

    The page hides its plot while it reads other values, and a plot hidden while it is being created throws an error:
    https://github.com/pmndrs/react-three-fiber/issues/3754
    """
    point_at_middle(page)
    page.get_by_role("tab", name="Line").click()
    point_at_middle(page)
    page.get_by_role("radiogroup", name="Dimension as x axis").get_by_role("radio", name="D0").click()
    slider = page.get_by_role("slider").and_(page.locator("[aria-orientation=vertical]"))
    for index in range(1, int(unit) + 1):
        point_at_middle(page)
        slider.press("ArrowUp")
        page.get_by_test_id(f"x,{index}").wait_for()


def point_at_middle(page: Page) -> list[str]:
    """Lines of the tooltip in the middle of the plot, where values of the point are shown."""
    canvas = page.get_by_role("figure").locator("canvas")
    tooltip = page.locator(".visx-tooltip").filter(visible=True)
    for step in range(PATIENCE_MS // 200):  # the plot does not listen before it is drawn
        box = canvas.bounding_box()
        if box is not None:
            page.mouse.move(box["x"] + box["width"] / 2 + step % 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
        if shown := tooltip.all_inner_texts():
            page.mouse.move(0, 0)
            return shown[0].splitlines()
    raise TimeoutError(f"the plot did not answer the pointer within {PATIENCE_MS // 1000} s")


def picture_when_settled(page: Page) -> bytes:
    """The plot, once drawing it again changes nothing."""
    canvas = page.get_by_role("figure").locator("canvas")
    before, after = b"", canvas.screenshot()
    while before != after:
        page.wait_for_timeout(200)
        before, after = after, canvas.screenshot()
    return after


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=DRAWING, timeout=PATIENCE_MS)
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    requests: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    context.on("weberror", lambda error: errors.append(error.error.stack or str(error.error)))
    page = context.new_page()
    page.goto(address)
    plot_unit(page)
    seen = {
        "names": page.get_by_role("tree").get_by_role("treeitem").all_inner_texts(),
        "tooltip": point_at_middle(page),
        "requests": requests,
        "errors": errors,
    }
    Path(folder, "plot.png").write_bytes(picture_when_settled(page))
    browser.close()
Path(folder, "seen.json").write_text(json.dumps(seen), encoding="utf-8")
