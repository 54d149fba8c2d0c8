"""Methods at instances with dicts of their own, some of which have a callable under the method's name."""


class Memo:
    def __init__(self, i):
        self.__dict__ = {"i": i}

    def value(self):
        result = self.i * 2
        self.value = lambda: result
        return result


class Dies:
    def __init__(self, log):
        self.__dict__ = {"log": log, "call": lambda: log.append("called")}

    def call(self):
        self.log.append("method")

    def __del__(self):
        self.log.append("dead")


def total(objects):
    return sum([o.value() for o in objects])


def last(log):
    Dies(log).call()


for turn in range(40):
    objects = [Memo(i) for i in range(10)]
    assert total(objects) == 90
    assert total(objects) == 90
    del objects[3].value
    objects[4].value = lambda: 1000
    assert total(objects) == 1082
objects[5].value = 7
try:
    total(objects)
except TypeError as e:
    print(e)
log = []
for turn in range(40):
    last(log)
print(len(log), log[:4])
