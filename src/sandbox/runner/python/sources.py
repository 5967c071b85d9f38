# The user's sources: compiled as a whole before any of it runs, and kept for tracebacks and inspect.

# As the module ast has them, which takes long to import: PyCF_ONLY_AST and PyCF_ALLOW_TOP_LEVEL_AWAIT.
ONLY_AST = 0x400
TOP_LEVEL_AWAIT = 0x2000
# The classes ast.Expr and ast.Expression.
ExpressionStatement = type(compile("0", "", "exec", ONLY_AST).body[0])
ExpressionTree = type(compile("0", "", "eval", ONLY_AST))
# Sources kept, in cells and in characters; the oldest go first.
KEPT_CELLS = 1000
KEPT_CHARACTERS = 8 * 1024 * 1024


class Sources:
    def __init__(self, reading):
        self.reading = reading
        # As linecache keeps them.
        self.cells = {}
        self.count = 0
        self.characters = 0
        self.flags = TOP_LEVEL_AWAIT
        self.future_flags = []
        # The module, once it has been imported.
        self.linecache = None

    def compile(self, source):
        """The code of all statements but a last expression, and that of the expression."""
        self.count += 1
        name = "<cell %d>" % self.count
        self.remember(name, source)
        tree = None
        try:
            tree = compile(source, name, "exec", self.flags | ONLY_AST, True)
        except SyntaxError as error:
            refusal = error.with_traceback(None)
        if tree is None:
            tree = self.compile_dialect(name, source, refusal)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ExpressionStatement) else None
        codes = [compile(tree, name, "exec", self.flags, True)]
        if last is not None:
            codes.append(compile(ExpressionTree(last.value), name, "eval", self.flags, True))
        # `from __future__ import …` holds for what follows, as at the prompt.
        for flag in self.future_flags:
            self.flags |= codes[0].co_flags & flag
        return codes

    def compile_dialect(self, name, source, error):
        """The tree of a source that is not Python, if it is a notebook's."""
        try:
            reading = self.reading.read(source)
        except SyntaxError as refused:
            refused.filename = name
            raise
        except Exception:
            # Of a Python whose builtins or modules the user has replaced.
            reading = None
        if reading is None:
            raise error
        shown, python, prepare = reading
        self.forget(name)
        self.remember(name, shown)
        try:
            return prepare(compile(python, name, "exec", self.flags | ONLY_AST, True))
        except SyntaxError as within:
            # Of the user's own line, not of what it has become.
            within.text = None
            raise

    def complete(self, error):
        """An error found after parsing does not carry its line."""
        if isinstance(error, SyntaxError) and error.text is None and error.lineno is not None:
            error.text = "".join(self.cells[error.filename][2][error.lineno - 1 : error.lineno])

    def remember(self, name, source):
        entry = (len(source), None, source.splitlines(True), name)
        self.cells[name] = entry
        self.characters += len(source)
        self.share(lambda cache: cache.update({name: entry}))
        while len(self.cells) > KEPT_CELLS or (self.characters > KEPT_CHARACTERS and len(self.cells) > 1):
            self.forget(next(iter(self.cells)))

    def forget(self, name):
        self.characters -= self.cells.pop(name)[0]
        self.share(lambda cache: cache.pop(name, None))

    def share(self, change):
        """Changes linecache's sources, once it is there; the user may have made anything of it."""
        if self.linecache is not None:
            try:
                change(self.linecache.cache)
            except Exception:
                pass

    def prepare(self):
        import __future__
        import linecache

        self.future_flags = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
        linecache.cache.update(self.cells)
        self.linecache = linecache
