# matplotlib's figures as PNG, with sides as they are shown.

from ..references import io, sys
from .limits import MAX_SIDE
from .pictures import picture_of

# Something drawn so far outside is cut off: how often its box may be as wide or high as the figure.
FAR_OUTSIDE = 4


def draw(figure):
    """A Picture of the figure; at its own dpi, unless it would have too many pixels."""
    wanted = sys.modules["matplotlib"].rcParams["savefig.dpi"]
    wanted = float(figure.dpi if wanted == "figure" else wanted)
    try:
        box = surrounding_box(figure)
    except Exception:
        # What cannot be measured may still be drawn; if not, that tells why.
        box = None
    inches = [box.width, box.height] if box is not None else list(figure.get_size_inches())
    # A pixel less: sides are rounded up.
    dpi = min(wanted, (MAX_SIDE - 1) / max(inches))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches=box)
    picture = picture_of(buffer.getvalue(), "image/png")
    if dpi < wanted:
        picture.full_size = tuple(round(side * wanted) for side in inches)
    return picture


def surrounding_box(figure):
    """All that is drawn, in inches, as notebooks show it; None for the figure's own area."""
    dpi, canvas = figure.dpi, figure.canvas
    wide, high = figure.get_size_inches()
    try:
        figure.dpi = min(dpi, MAX_SIDE / max(wide, high))
        if not hasattr(canvas, "get_renderer"):
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            FigureCanvasAgg(figure)
        if hasattr(figure, "draw_without_rendering"):
            figure.draw_without_rendering()
        else:
            figure.canvas.draw()
        pad = sys.modules["matplotlib"].rcParams["savefig.pad_inches"]
        box = figure.get_tightbbox(figure.canvas.get_renderer()).padded(pad if isinstance(pad, (int, float)) else 0.1)
    finally:
        figure.dpi = dpi
        if figure.canvas is not canvas:
            figure.set_canvas(canvas)
    is_near = 0 < box.width <= FAR_OUTSIDE * max(wide, 1) and 0 < box.height <= FAR_OUTSIDE * max(high, 1)
    return box if is_near else None
