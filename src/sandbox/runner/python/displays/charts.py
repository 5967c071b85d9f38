# Charts of plotly, Altair and Bokeh: an HTML file that is interactive in a browser, and a picture where their own exporter is installed.

from ..references import io, sys
from .forms import Shown, one_line

# Of an exporter, which may start a browser. Seconds.
EXPORT_SECONDS = 15


class Charts:
    def __init__(self, displays):
        self.displays = displays
        # Exporters that failed, or did not come to an end: not asked again.
        self.given_up = set()

    def shown_of(self, value):
        """None for what is no chart."""
        if is_of(value, "plotly.basedatatypes", "BaseFigure"):
            return self.chart("plotly", lambda: value.to_html(include_plotlyjs="cdn"), plotly_picture(value))
        if is_of(value, "altair", "TopLevelMixin"):
            return self.chart("altair", value.to_html, altair_picture(value))
        if is_of(value, "bokeh.models", "LayoutDOM"):
            return self.chart("bokeh", lambda: bokeh_page(value), None)
        return None

    def chart(self, library, make_page, make_picture):
        shown = Shown({"text/plain": "%s chart" % library}, library)
        try:
            page = make_page()
        except Exception as error:
            shown.notes.append("no page of it: %s" % one_line(error))
        else:
            self.displays.fitting.save(shown, page, "text/html", "interactive in a browser")
        if make_picture is not None and library not in self.given_up:
            picture, problem = within(EXPORT_SECONDS, make_picture)
            if problem is None:
                shown.data["image/png"] = picture
            else:
                self.given_up.add(library)
                shown.notes.append("no picture of it: %s" % problem)
        return shown


def is_of(value, module, name):
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def is_installed(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


def plotly_picture(figure):
    return (lambda: figure.to_image(format="png")) if is_installed("kaleido") else None


def altair_picture(chart):
    def export():
        buffer = io.BytesIO()
        chart.save(buffer, format="png")
        return buffer.getvalue()

    return export if is_installed("vl_convert") else None


def bokeh_page(model):
    from bokeh.embed import file_html
    from bokeh.resources import CDN

    return file_html(model, CDN, "Bokeh")


def within(seconds, call):
    """What the call gives, and None; or None, and why there is nothing. Goes on behind one that does not end."""
    from threading import Thread

    outcome = []

    def work():
        try:
            outcome.append((call(), None))
        except BaseException as error:
            outcome.append((None, one_line(error)))

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else (None, "its exporter took more than %d seconds" % seconds)


def show_charts_of(module, displays):
    """Has plotly's and Bokeh's own show() come here, which would open a browser."""
    if module.__name__ == "plotly.io._renderers":
        module.show = lambda figure, *args, **options: displays.show_value(figure)
        return
    open_page = module.show

    def show(value, *args, **options):
        if not is_of(value, "bokeh.models", "LayoutDOM"):
            return open_page(value, *args, **options)
        displays.show_value(value)

    module.show = show
