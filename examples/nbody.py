"""The planets' motion round the sun: prints the system's energy before and after.

python nbody.py [STEPS]
"""

import math
import sys

SOLAR_MASS = 4.0 * math.pi * math.pi  # with the astronomical unit, the year and G = 1
DAYS = 365.24

# name: mass in suns, position in astronomical units, velocity in astronomical units a day
PLANETS = {
    "jupiter": (9.547919e-4, (4.841431, -1.160320, -0.103622), (0.001660, 0.007699, -0.000069)),
    "saturn": (2.858860e-4, (8.343367, 4.124799, -0.403523), (-0.002767, 0.004999, 0.000023)),
    "uranus": (4.366244e-5, (12.894370, -15.111151, -0.223308), (0.002965, 0.002378, -0.000030)),
    "neptune": (5.151389e-5, (15.379697, -25.919315, 0.179259), (0.002681, 0.001628, -0.000095)),
}


class Body:
    def __init__(self, mass, position, velocity):
        self.mass = mass
        self.x, self.y, self.z = position
        self.vx, self.vy, self.vz = velocity


def solar_system():
    planets = [
        Body(mass * SOLAR_MASS, position, [speed * DAYS for speed in velocity])
        for mass, position, velocity in PLANETS.values()
    ]
    # The sun moves against the planets, so that the whole system stays where it is.
    drift = [-sum(getattr(planet, axis) * planet.mass for planet in planets) / SOLAR_MASS for axis in ("vx", "vy", "vz")]
    return [Body(SOLAR_MASS, (0.0, 0.0, 0.0), drift), *planets]


def energy(bodies):
    total = 0.0
    for i, body in enumerate(bodies):
        total += 0.5 * body.mass * (body.vx**2 + body.vy**2 + body.vz**2)
        for other in bodies[i + 1 :]:
            distance = math.sqrt((body.x - other.x) ** 2 + (body.y - other.y) ** 2 + (body.z - other.z) ** 2)
            total -= body.mass * other.mass / distance
    return total


def advance(bodies, pairs, dt):
    for one, two in pairs:
        dx = one.x - two.x
        dy = one.y - two.y
        dz = one.z - two.z
        square = dx * dx + dy * dy + dz * dz
        pull = dt / (square * math.sqrt(square))
        toward_two = two.mass * pull
        toward_one = one.mass * pull
        one.vx -= dx * toward_two
        one.vy -= dy * toward_two
        one.vz -= dz * toward_two
        two.vx += dx * toward_one
        two.vy += dy * toward_one
        two.vz += dz * toward_one
    for body in bodies:
        body.x += dt * body.vx
        body.y += dt * body.vy
        body.z += dt * body.vz


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    bodies = solar_system()
    pairs = [(one, two) for i, one in enumerate(bodies) for two in bodies[i + 1 :]]
    print(f"energy at the start: {energy(bodies):.12f}")
    for _ in range(steps):
        advance(bodies, pairs, 0.01)
    print(f"energy after {steps} steps: {energy(bodies):.12f}")


if __name__ == "__main__":
    main()
