"""The Mandelbrot set as text, with the number of points that stay bounded.

python mandelbrot.py [SIZE]
"""

import sys

LIMIT = 120
SHADES = " .:-=+*#%@"


def escape_time(cr, ci):
    """How many turns of z = z*z + c it takes to leave the circle of radius 2, at most LIMIT."""
    zr = zi = 0.0
    turns = 0
    while turns < LIMIT:
        rr = zr * zr
        ii = zi * zi
        if rr + ii > 4.0:
            break
        zi = 2.0 * zr * zi + ci
        zr = rr - ii + cr
        turns += 1
    return turns


def main():
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
    step = max(size // 36, 1)
    bounded = turns = 0
    for row in range(size):
        ci = 2.4 * row / size - 1.2
        picture = []
        for column in range(size):
            time = escape_time(2.8 * column / size - 2.0, ci)
            turns += time
            if time == LIMIT:
                bounded += 1
            if row % step == 0 and column % max(step // 2, 1) == 0:
                picture.append(SHADES[min(time, LIMIT - 1) * len(SHADES) // LIMIT])
        if picture:
            print("".join(picture).rstrip())
    print(f"{bounded} of {size * size} points stay bounded, {turns} turns")


if __name__ == "__main__":
    main()
