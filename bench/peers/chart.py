"""The comparisons as one SVG: bars with their intervals, for light and dark screens."""

from html import escape

import present

WIDTH, LEFT, RIGHT = 780, 252, 176  # of the picture; of what stands left and right of the bars
TOP, BAR, GAP, GROUP_GAP, BOTTOM = 64, 18, 4, 18, 40
TICKS = (0, 0.5, 1, 1.5, 2)
MOST = TICKS[-1]  # ratios beyond it are cut, with their number beside them
COLOURS = ("a", "b", "c")
STYLE = """
  svg { --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --paper: #fff; --noise: #eaeef2;
        --a: #1a7f64; --b: #3b6fd4; --c: #a8559b; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d; --paper: #0d1117; --noise: #21262d;
          --a: #3fb68f; --b: #6f9df2; --c: #d28ac6; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 15px; font-weight: 600; }
  .soft { font-size: 12px; fill: var(--soft); }
  .middle { text-anchor: middle; }
  .paper { fill: var(--paper); } .noise { fill: var(--noise); }
  .grid { stroke: var(--line); } .one { stroke: var(--soft); stroke-dasharray: 3 3; }
  .interval { stroke: var(--ink); stroke-width: 1.5; }
  .a { fill: var(--a); } .b { fill: var(--b); } .c { fill: var(--c); } .unclaimed { opacity: .4; }
"""


def draw(results):
    figures = [f for f in results["figures"].values() if f["comparisons"]]
    theirs = list(dict.fromkeys(c["theirs"] for f in figures for c in f["comparisons"]))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(theirs)}
    noise, body, y = [], [], TOP
    for figure in figures:
        noise.append(_noise(figure, y))
        part, y = _group(figure, colours, y)
        body += part
    height = y + BOTTOM
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="t">',
        f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        *_heading(results, colours), *noise, *_grid(y), *body, *_scale(y), "</svg>", ""])


def _heading(results, colours):
    versions = {name: f"{name} {proxy['version']}"
                for name, proxy in results.get("proxies", {}).items()}
    lines = [f'<text id="t" class="title" x="12" y="24">What it costs in Cổng, where the other'
             f" proxy is 1 (shorter is better)</text>"]
    x = 12
    for name, colour in colours.items():
        label = f"to {versions.get(name, name)}"
        lines += [f'<rect class="{colour}" x="{x}" y="36" width="12" height="12"/>',
                  f'<text class="soft" x="{x + 18}" y="46">{escape(label)}</text>']
        x += 40 + 7 * len(label)
    lines.append(f'<text class="soft" x="{x}" y="46">pale: no difference shown; grey: A/A</text>')
    return lines


def _height(figure):
    count = len(figure["comparisons"])
    return count * BAR + (count - 1) * GAP


def _noise(figure, y):
    noise = figure["noise"] or 0
    low, high = _x(1 / (1 + noise)), _x(1 + noise)
    return (f'<rect class="noise" x="{low:.1f}" y="{y - 4}" width="{high - low:.1f}"'
            f' height="{_height(figure) + 8}"/>')


def _group(figure, colours, y):
    lines = [f'<text x="12" y="{y + 13}">{escape(figure["title"])}</text>',
             f'<text class="soft" x="12" y="{y + 30}">{escape(_remark(figure))}</text>']
    for place, comparison in enumerate(figure["comparisons"]):
        lines += _bar(figure, comparison, colours, y + place * (BAR + GAP))
    return lines, y + max(_height(figure), 34) + GROUP_GAP


def _remark(figure):
    remark = figure["unit"] if figure["name"] == "idle" else f"{figure['unit']} each"
    return remark if figure["verdict"] == "VALID" else f"{remark}, {figure['verdict']}"


def _bar(figure, comparison, colours, y):
    ratio = comparison["ratio"]
    middle = y + BAR / 2
    pale = " unclaimed" if comparison["claim"] == "none" else ""
    values = [present.number(figure["proxies"][comparison[side]]["value"]["middle"])
              for side in ("ours", "theirs")]
    low, high = _x(ratio["low"]), _x(ratio["high"])
    return [f'<rect class="{colours[comparison["theirs"]]}{pale}" x="{LEFT}" y="{y}"'
            f' width="{_x(ratio["middle"]) - LEFT:.1f}" height="{BAR}"/>',
            f'<path class="interval" d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8'
            f'M{high:.1f} {middle - 4}v8"/>',
            f'<text x="{WIDTH - RIGHT + 12}" y="{middle + 4.5}">{ratio["middle"]:.2f}'
            f'<tspan class="soft" dx="8">{values[0]} to {values[1]}</tspan></text>']


def _grid(bottom):
    return [f'<path class="{"one" if tick == 1 else "grid"}" d="M{_x(tick):.1f} {TOP - 8}V{bottom}'
            f'"/>' for tick in TICKS]


def _scale(y):
    return [f'<text class="soft middle" x="{_x(tick):.1f}" y="{y + 16}">{tick:g}</text>'
            for tick in TICKS]


def _x(ratio):
    return LEFT + (WIDTH - LEFT - RIGHT) * min(ratio, MOST) / MOST
