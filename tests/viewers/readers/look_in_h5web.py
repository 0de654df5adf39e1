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
    """Choose the line view, with time along x, and one unit."""
    page.get_by_role("tab", name="Line").click()
    page.get_by_role("radiogroup", name="Dimension as x axis").get_by_role("radio", name="D0").click()
    slider = page.get_by_role("slider").and_(page.locator("[aria-orientation=vertical]"))
    for _ in range(int(unit)):
        slider.press("ArrowUp")
    page.get_by_test_id(f"x,{unit}").wait_for()


def point_at_middle(page: Page) -> list[str]:
    """Lines of the tooltip in the middle of the plot: time and value there."""
    canvas = page.get_by_role("figure").locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    tooltip = page.locator(".visx-tooltip")
    for step in range(PATIENCE_MS // 200):  # the plot does not listen before it is drawn
        page.mouse.move(box["x"] + box["width"] / 2 + step % 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
        if tooltip.is_visible():
            break
    lines = tooltip.inner_text().splitlines()
    page.mouse.move(0, 0)
    return lines


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
    context.on("weberror", lambda error: errors.append(str(error.error)))
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
