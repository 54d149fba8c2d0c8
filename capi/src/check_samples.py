"""The objects that check.rs looks into. The build script compiles this: start-up must not wait for the parser."""

class Plain:
    def method(self, a, b=2, *, c=3): return a
plain = Plain()
plain.x = 7
plain.y = 8
def later(a, b): yield a
generator = later(5, 6)
names = {'one': 1, 'two': 2}
mixed = {1: 'one', 2: 'two'}
items = [10, 20, 30]
pair = (10, 20)
range_iter = iter(range(10, 50, 7))
list_iter = iter(items)
tuple_iter = iter(pair)
pairs = enumerate(items, 5)
backwards = reversed(pair)
zipped = zip(items, pair)
for iterator in range_iter, list_iter, tuple_iter, pairs, backwards, zipped: next(iterator)
span = range(10, 50, 7)
bound = plain.method
function = Plain.method
part = slice(1, 2, 3)
huge = 1 << 70
wide = -((1 << 45) + 3)
