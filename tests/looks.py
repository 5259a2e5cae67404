"""What can be measured of a page's looks: contrast, width, and names for those who cannot see it.

The rules are those of https://www.w3.org/TR/WCAG22/ (1.4.3 contrast, 1.4.10 reflow, 4.1.2 names).
"""

from browser import Tab

_FAINT = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const channel = (c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color.length === 3) return color;
    }
    throw new Error('no background');
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.tagName === 'NOSCRIPT') continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parse(style.color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if (ratio < least) faint.push(`${text.slice(0, 40)} ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""

_NAMED_ROLES = ("button", "link", "textbox", "combobox", "image", "DisclosureTriangle")


async def faint_texts(tab: Tab) -> list[str]:
    """Visible texts with too little contrast to what is behind them."""
    return list(await tab.value(_FAINT))


async def overflow(tab: Tab) -> int:
    """By how many CSS pixels the page is wider than the window."""
    page = "document.documentElement"  # innerWidth grows with the page on a phone
    return int(await tab.value(f"{page}.scrollWidth - {page}.clientWidth"))


async def nameless(tab: Tab) -> list[str]:
    """Roles of controls and pictures that a screen reader could not name."""
    tree = await tab.call("Accessibility.getFullAXTree")
    return [
        node["role"]["value"]
        for node in tree["nodes"]
        if not node["ignored"]
        and node["role"]["value"] in _NAMED_ROLES
        and not node.get("name", {}).get("value")
    ]
