/* The dominating steps of rendering, each in one pass over an image that stays in the first-level cache.
 *
 * The definitions are the torch functions in transforms.py, tasks.py and seeds.py, to which the tests hold these. Images are float32 (n, 4, s, s), premultiplied RGBA, contiguous. An output never overlaps an
 * input. Nothing is kept between calls.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One machine's library may run on another: the widest vectors are chosen when it is loaded. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define WIDE
#endif
#define INLINE static inline __attribute__((always_inline))

#define LANES 16
typedef float pixel __attribute__((vector_size(16), aligned(16), may_alias));

INLINE float least(float a, float b) { return a < b ? a : b; }
INLINE float most(float a, float b) { return a > b ? a : b; }
INLINE float between(float x, float low, float high) { return least(most(x, low), high); }

INLINE void pack(const float *restrict r, const float *restrict g, const float *restrict b, const float *restrict a,
                 float *restrict pixels, long count) {
    for (long i = 0; i < count; i++) {
        pixels[4 * i] = r[i];
        pixels[4 * i + 1] = g[i];
        pixels[4 * i + 2] = b[i];
        pixels[4 * i + 3] = a[i];
    }
}

INLINE void unpack(const float *restrict pixels, float *restrict planes, long count) {
    for (long i = 0; i < count; i++) {
        planes[i] = pixels[4 * i];
        planes[count + i] = pixels[4 * i + 1];
        planes[2 * count + i] = pixels[4 * i + 2];
        planes[3 * count + i] = pixels[4 * i + 3];
    }
}

INLINE long whole(long count) { return (count + LANES - 1) / LANES * LANES; }

/* out(p) = image(matrix p), bilinear, transparent outside; matrices: (n, 6), rows of [a b x; c d y], coordinates in
 * [-1, 1] from edge to edge. Returns 0, or 1 where memory is short. */
WIDE int invlab_warp(const float *restrict images, const float *restrict matrices, float *restrict out, long n, long s) {
    long side = s + 3, plane = s * s; /* a border of one transparent pixel before, two behind */
    pixel *padded = aligned_alloc(sizeof(pixel), (side * side + plane) * sizeof(pixel)), *turned = padded + side * side;
    float *at = malloc(whole(s) * sizeof(float));
    if (!padded || !at) {
        free(padded);
        free(at);
        return 1;
    }
    memset(padded, 0, side * side * sizeof(pixel));
    for (long i = 0; i < whole(s); i++) at[i] = (2 * (float)i + 1) / s - 1;
    for (long image = 0; image < n; image++) {
        const float *from = images + image * 4 * plane, *m = matrices + image * 6;
        float *to = out + image * 4 * plane;
        for (long y = 0; y < s; y++) {
            float *row = (float *)(padded + (y + 1) * side + 1);
            const float *r = from + y * s, *g = r + plane, *b = g + plane, *a = b + plane;
            pack(r, g, b, a, row, s);
        }
        for (long y = 0; y < s; y++) {
            float x_of_row = m[1] * at[y] + m[2], y_of_row = m[4] * at[y] + m[5];
            for (long start = 0; start < s; start += LANES) {
                int32_t place[LANES];
                float right[LANES], down[LANES];
                for (int x = 0; x < LANES; x++) {
                    float gx = m[0] * at[start + x] + x_of_row, gy = m[3] * at[start + x] + y_of_row;
                    float ix = between(((gx + 1) * s - 1) / 2, -1, s), iy = between(((gy + 1) * s - 1) / 2, -1, s);
                    /* one is added first: what is cut to an integer is then never negative */
                    int32_t x0 = (int32_t)(ix + 1), y0 = (int32_t)(iy + 1);
                    right[x] = ix - (float)(x0 - 1);
                    down[x] = iy - (float)(y0 - 1);
                    place[x] = y0 * (int32_t)side + x0;
                }
                long count = s - start < LANES ? s - start : LANES;
                for (long x = 0; x < count; x++) {
                    const pixel *p = padded + place[x];
                    pixel upper = p[0] + (p[1] - p[0]) * right[x], lower = p[side] + (p[side + 1] - p[side]) * right[x];
                    turned[y * s + start + x] = upper + (lower - upper) * down[x];
                }
            }
        }
        unpack((const float *)turned, to, plane);
    }
    free(padded);
    free(at);
    return 0;
}

/* The hue turned by `shifts` (n,) turns. */
WIDE int invlab_hue(const float *restrict images, const float *restrict shifts, float *restrict out, long n, long s) {
    long plane = s * s;
    for (long image = 0; image < n; image++) {
        const float *restrict red = images + image * 4 * plane, *restrict green = red + plane, *restrict blue = green + plane;
        float *restrict to = out + image * 4 * plane;
        float ahead[3];
        for (int c = 0; c < 3; c++) {
            float turn = 6 * shifts[image] + (c == 0 ? 3.0f : c == 1 ? 7.0f : 5.0f);
            ahead[c] = turn - 6 * floorf(turn / 6) - 3;
        }
        for (long i = 0; i < plane; i++) {
            float r = red[i], g = green[i], b = blue[i];
            float low = least(least(r, g), b), chroma = most(most(r, g), b) - low;
            float turn = copysignf((g + b - r - low) / most(chroma, 1e-12f) + 1, g - b);
            to[i] = low + chroma * (between(fabsf(fabsf(turn + ahead[0]) - 3), 1, 2) - 1);
            to[plane + i] = low + chroma * (between(fabsf(fabsf(turn + ahead[1]) - 3), 1, 2) - 1);
            to[2 * plane + i] = low + chroma * (between(fabsf(fabsf(turn + ahead[2]) - 3), 1, 2) - 1);
        }
        memcpy(to + 3 * plane, red + 3 * plane, plane * sizeof(float));
    }
    return 0;
}

/* to[i] = sum of w[t] from[i + t step] */
INLINE void weighted(const float *restrict from, const float *restrict w, float *restrict to, long count, long taps,
                     long step) {
    for (long i = 0; i < count; i++) {
        float sum = w[0] * from[i];
        for (long t = 1; t < taps; t++) sum += w[t] * from[i + t * step];
        to[i] = sum;
    }
}

INLINE void smooth_plane(const float *from, const float *w, float *lines, float *rows, float *to, long s, long taps) {
    long reach = taps / 2, across = s + 2 * reach;
    for (long y = 0; y < s; y++) {
        float *line = lines + y * across + reach;
        memcpy(line, from + y * s, s * sizeof(float));
        for (long i = 1; i <= reach; i++) {
            line[-i] = from[y * s + i];
            line[s - 1 + i] = from[y * s + s - 1 - i];
        }
    }
    for (long y = 0; y < s; y++) weighted(lines + y * across, w, rows + (y + reach) * s, s, taps, 1);
    for (long i = 1; i <= reach; i++) {
        memcpy(rows + (reach - i) * s, rows + (reach + i) * s, s * sizeof(float));
        memcpy(rows + (reach + s - 1 + i) * s, rows + (reach + s - 1 - i) * s, s * sizeof(float));
    }
    weighted(rows, w, to, s * s, taps, s);
}

/* Rows, then columns, smoothed with `weights` (n, taps), taps odd, mirrored at the borders without repeating the edge. */
WIDE int invlab_smooth(const float *restrict images, const float *restrict weights, float *restrict out, long n, long s,
                       long taps) {
    long across = s + 2 * (taps / 2);
    float *lines = malloc(2 * s * across * sizeof(float)), *rows = lines + s * across;
    if (!lines) return 1;
    for (long image = 0; image < 4 * n; image++) {
        const float *from = images + image * s * s, *w = weights + image / 4 * taps;
        float *to = out + image * s * s;
        if (s == 32 && taps == 7) /* the usual size, for the compiler to unroll */
            smooth_plane(from, w, lines, rows, to, 32, 7);
        else
            smooth_plane(from, w, lines, rows, to, s, taps);
    }
    free(lines);
    return 0;
}

/* sqrt(2) erfinv(v) for v in [0, 0.69], to 2e-7: a least-maximum fit v P(v^2). */
INLINE float normal_at(float v) {
    float w = v * v;
    return v * (1.25331378f + w * (0.328151762f + w * (0.179429293f + w * (0.134215102f + w * (0.0162861645f + w * (0.339021474f + w * (-0.438933969f + w * 0.47175619f)))))));
}

/* The straight colours moved away from `pivot`, times `factor`. */
INLINE void stretch(const float *restrict from, float factor, float pivot, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    float added = (1 - factor) * pivot;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            long at = channel * plane + i;
            to[at] = least(most(from[at] * factor + alpha[i] * added, 0), alpha[i]);
        }
    memcpy(to + 3 * plane, alpha, plane * sizeof(float));
}

INLINE float mean_luminance(const float *restrict red, long plane) {
    const float *restrict green = red + plane, *restrict blue = green + plane, *restrict alpha = blue + plane;
    float light[LANES] = {0}, cover[LANES] = {0}; /* sums side by side: sooner done, and less rounded */
    long i = 0;
    for (; i + LANES <= plane; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            light[lane] += 0.2989f * red[i + lane] + 0.587f * green[i + lane] + 0.114f * blue[i + lane];
            cover[lane] += alpha[i + lane];
        }
    for (; i < plane; i++) {
        light[0] += 0.2989f * red[i] + 0.587f * green[i] + 0.114f * blue[i];
        cover[0] += alpha[i];
    }
    for (int lane = 1; lane < LANES; lane++) {
        light[0] += light[lane];
        cover[0] += cover[lane];
    }
    return light[0] / most(cover[0], 1e-6f);
}

WIDE int invlab_brightness(const float *restrict images, const float *restrict factors, float *restrict out, long n, long s) {
    for (long image = 0; image < n; image++)
        stretch(images + image * 4 * s * s, factors[image], 0, out + image * 4 * s * s, s * s);
    return 0;
}

WIDE int invlab_contrast(const float *restrict images, const float *restrict factors, float *restrict out, long n, long s) {
    for (long image = 0; image < n; image++) {
        const float *from = images + image * 4 * s * s;
        stretch(from, factors[image], mean_luminance(from, s * s), out + image * 4 * s * s, s * s);
    }
    return 0;
}

/* strength (n,) * clip(N(0, 1), 0, 1), drawn from `seeds` (n,), added to the straight colours. */
WIDE int invlab_noise(const float *restrict images, const float *restrict strengths, const int64_t *restrict seeds,
                      float *restrict out, long n, long s) {
    long plane = s * s;
    for (long image = 0; image < n; image++) {
        const float *restrict from = images + image * 4 * plane, *restrict alpha = from + 3 * plane;
        float *restrict to = out + image * 4 * plane;
        if (strengths[image] == 0) { /* half of the images are left alone */
            memcpy(to, from, 4 * plane * sizeof(float));
            continue;
        }
        uint32_t low = (uint32_t)seeds[image], high = (uint32_t)((uint64_t)seeds[image] >> 32);
        for (int channel = 0; channel < 3; channel++)
            for (long i = 0; i < plane; i++) {
                uint32_t x = (uint32_t)(channel * plane + i) * 0x9E3779B9u + low;
                x ^= x >> 16;
                x *= 0x7FEB352Du;
                x += high;
                x ^= x >> 15;
                x *= 0x846CA68Bu;
                x ^= x >> 16;
                float v = (float)(int32_t)(x >> 8) * 0x1p-23f - (1 - 0x1p-24f);
                float added = least(normal_at(between(v, 0, 0.69f)), 1) * strengths[image] * alpha[i];
                to[channel * plane + i] = least(from[channel * plane + i] + added, alpha[i]);
            }
        memcpy(to + 3 * plane, alpha, plane * sizeof(float));
    }
    return 0;
}

/* Over the backgrounds `behind`, bytes (n, 3, s, s); out: (n, 3, s, s) in [-1, 1]. */
WIDE int invlab_paste(const float *restrict images, const uint8_t *restrict behind, float *restrict out, long n, long s) {
    long plane = s * s;
    for (long image = 0; image < n; image++) {
        const float *restrict from = images + image * 4 * plane, *restrict alpha = from + 3 * plane;
        const uint8_t *restrict scene = behind + image * 3 * plane;
        float *restrict to = out + image * 3 * plane;
        for (int channel = 0; channel < 3; channel++)
            for (long i = 0; i < plane; i++) {
                long at = channel * plane + i;
                to[at] = (float)scene[at] * ((1 - alpha[i]) * (2 / 255.0f)) + 2 * from[at] - 1;
            }
    }
    return 0;
}
