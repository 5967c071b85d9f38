import sys


def outer(rows):

    def inner(row):

        total = 0

        for value in row:

            if value % 2:
                continue

            total += value

        return total

    return [inner(row) for row in rows]


class Counter:

    def __init__(self):
        self.seen = {}

    def add(self, word):

        self.seen[word] = self.seen.get(word, 0) + 1

        return self


counter = Counter()
for word in "a b a".split():
    counter.add(word)

print(outer([[1, 2], [4, 6]]), end="")
print(";", counter.seen, end="", file=sys.stdout)
sys.exit(3)
