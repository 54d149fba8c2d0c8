"""Mandelbrot with all floats in local variables of one function."""


def mandelbrot(width, height, limit):
    inside = 0
    steps = 0
    for py in range(height):
        ci = 2.0 * py / height - 1.0
        for px in range(width):
            cr = 3.0 * px / width - 2.0
            zr = zi = 0.0
            k = 0
            while k < limit:
                r2 = zr * zr
                i2 = zi * zi
                if r2 + i2 > 4.0:
                    break
                zi = 2.0 * zr * zi + ci
                zr = r2 - i2 + cr
                k += 1
            else:
                inside += 1
            steps += k
    return inside, steps


def iteration():
    return mandelbrot(120, 80, 100)
