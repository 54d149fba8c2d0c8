"""A small particle system: float attributes read and written on instances with dicts and with slots."""


class Particle:
    def __init__(self, k):
        self.x = k * 0.5
        self.y = 0.0
        self.vx = 1.0
        self.vy = k * 0.25

    def step(self, dt):
        self.x += self.vx * dt
        self.y += self.vy * dt
        if self.y > 10.0:
            self.vy = -self.vy * 0.9
        self.vy -= 9.81 * dt


class Slotted:
    __slots__ = ("x", "v")

    def __init__(self, k):
        self.x = float(k)
        self.v = 1.5


def iteration():
    particles = [Particle(k) for k in range(50)]
    slotted = [Slotted(k) for k in range(50)]
    for _ in range(300):
        for p in particles:
            p.step(0.01)
        for s in slotted:
            s.x += s.v
            s.v *= 0.999
    return sum(p.x + p.y for p in particles), sum(s.x for s in slotted)
