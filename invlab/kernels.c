/* Rendering: an image goes through all the steps of its transformations, and over its background, before the next one
 * is begun; what lies between the steps stays near the processor.
 *
 * The definitions are the torch functions in transforms.py, tasks.py and seeds.py, to which the tests hold these. Images
 * are float32 (4, s, s), premultiplied RGBA, contiguous. What a step writes never overlaps what it reads. A step that
 * changes nothing writes nothing. Nothing is kept between calls.
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
#define CANVAS 32 /* the canvas that lengths in pixels refer to */
typedef float pixel __attribute__((vector_size(16), aligned(16), may_alias));
typedef float two __attribute__((vector_size(32), aligned(16), may_alias)); /* neighbouring pixels */

/* The numbers are those of STEPS in compiled.py. */
enum {
    WARP, DISPLACE, H_FLIP, V_FLIP, HUE, BRIGHTNESS, GRAYSCALE, POSTERIZE, INVERT, SHARPEN, SMOOTH, NOISE, PIXELATE,
    ERASE, CONTRAST, PASTE, PASTE_FRESH,
};

/* What is done to every image, and where its parameters lie, a row for each image. */
typedef struct {
    int64_t kind, taps;
    const void *first, *second;
} step;

/* Memory that the steps of one image after the other use. */
typedef struct {
    float *planes[2];     /* images between two steps */
    pixel *padded, *row;  /* an image with a transparent border, and a row, pixel by pixel */
    float *centres, *x, *y;
    float *lines;
} scratch;

INLINE float least(float a, float b) { return a < b ? a : b; }
INLINE float most(float a, float b) { return a > b ? a : b; }
INLINE float between(float x, float low, float high) { return least(most(x, low), high); }

INLINE long whole(long count) { return (count + LANES - 1) / LANES * LANES; }

INLINE void pack(const float *restrict r, const float *restrict g, const float *restrict b, const float *restrict a,
                 float *restrict pixels, long count) {
    for (long i = 0; i < count; i++) {
        pixels[4 * i] = r[i];
        pixels[4 * i + 1] = g[i];
        pixels[4 * i + 2] = b[i];
        pixels[4 * i + 3] = a[i];
    }
}

INLINE void unpack(const float *restrict pixels, float *restrict planes, long count, long plane) {
    for (long i = 0; i < count; i++) {
        planes[i] = pixels[4 * i];
        planes[plane + i] = pixels[4 * i + 1];
        planes[2 * plane + i] = pixels[4 * i + 2];
        planes[3 * plane + i] = pixels[4 * i + 3];
    }
}

/* The image pixel by pixel, inside a border of one transparent pixel before and two behind. */
INLINE void pad(const float *from, pixel *padded, long s) {
    long side = s + 3, plane = s * s;
    for (long y = 0; y < s; y++) {
        const float *r = from + y * s;
        pack(r, r + plane, r + 2 * plane, r + 3 * plane, (float *)(padded + (y + 1) * side + 1), s);
    }
}

/* A row of the output: the padded image at the points (xs, ys), bilinear; coordinates in [-1, 1] from edge to edge. */
INLINE void resample_row(const scratch *own, const float *restrict xs, const float *restrict ys, float *to, long s) {
    long side = s + 3;
    for (long start = 0; start < s; start += LANES) {
        int32_t place[LANES];
        float right[LANES], down[LANES];
        for (int x = 0; x < LANES; x++) {
            float ix = between(((xs[start + x] + 1) * s - 1) / 2, -1, s);
            float iy = between(((ys[start + x] + 1) * s - 1) / 2, -1, s);
            /* one is added first: what is cut to an integer is then never negative */
            int32_t x0 = (int32_t)(ix + 1), y0 = (int32_t)(iy + 1);
            right[x] = ix - (float)(x0 - 1);
            down[x] = iy - (float)(y0 - 1);
            place[x] = y0 * (int32_t)side + x0;
        }
        long count = s - start < LANES ? s - start : LANES;
        for (long x = 0; x < count; x++) {
            const pixel *p = own->padded + place[x];
            two upper = *(const two *)p, lower = *(const two *)(p + side), both = upper + (lower - upper) * down[x];
            pixel here, next;
            memcpy(&here, &both, sizeof(pixel));
            memcpy(&next, (const char *)&both + sizeof(pixel), sizeof(pixel));
            own->row[start + x] = here + (next - here) * right[x];
        }
    }
    unpack((const float *)own->row, to, s, s * s);
}

/* to(p) = from(m p), transparent outside; m: rows of [a b x; c d y]. */
INLINE int warp(const float *from, const float *m, float *to, const scratch *own, long s) {
    pad(from, own->padded, s);
    for (long y = 0; y < s; y++) {
        float x_of_row = m[1] * own->centres[y] + m[2], y_of_row = m[4] * own->centres[y] + m[5];
        for (long x = 0; x < whole(s); x++) {
            own->x[x] = m[0] * own->centres[x] + x_of_row;
            own->y[x] = m[3] * own->centres[x] + y_of_row;
        }
        resample_row(own, own->x, own->y, to + y * s, s);
    }
    return 1;
}

/* to(p) = from(p + shift(p)), transparent outside; shift: (2, s, s). */
INLINE int displace(const float *from, const float *shift, float *to, const scratch *own, long s) {
    pad(from, own->padded, s);
    for (long y = 0; y < s; y++) {
        for (long x = 0; x < s; x++) {
            own->x[x] = shift[y * s + x] + own->centres[x];
            own->y[x] = shift[s * s + y * s + x] + own->centres[y];
        }
        resample_row(own, own->x, own->y, to + y * s, s);
    }
    return 1;
}

INLINE int h_flip(const float *restrict from, float flip, float *restrict to, long s) {
    if (!(flip > 0.5f)) return 0;
    for (long y = 0; y < 4 * s; y++)
        for (long x = 0; x < s; x++) to[y * s + x] = from[y * s + s - 1 - x];
    return 1;
}

INLINE int v_flip(const float *restrict from, float flip, float *restrict to, long s) {
    if (!(flip > 0.5f)) return 0;
    for (long channel = 0; channel < 4; channel++)
        for (long y = 0; y < s; y++)
            memcpy(to + (channel * s + y) * s, from + (channel * s + s - 1 - y) * s, s * sizeof(float));
    return 1;
}

/* The hue turned by `shift` turns. */
INLINE int hue(const float *restrict from, float shift, float *restrict to, long plane) {
    const float *restrict red = from, *restrict green = red + plane, *restrict blue = green + plane;
    float ahead[3];
    for (int c = 0; c < 3; c++) {
        float turn = 6 * shift + (c == 0 ? 3.0f : c == 1 ? 7.0f : 5.0f);
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
    return 1;
}

/* The straight colours moved away from `pivot`, times `factor`. */
INLINE int stretch(const float *restrict from, float factor, float pivot, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    float added = (1 - factor) * pivot;
    if (factor == 1) return 0;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            long at = channel * plane + i;
            to[at] = least(most(from[at] * factor + alpha[i] * added, 0), alpha[i]);
        }
    memcpy(to + 3 * plane, alpha, plane * sizeof(float));
    return 1;
}

/* ITU-R 601 */
INLINE float luma(float red, float green, float blue) { return 0.2989f * red + 0.587f * green + 0.114f * blue; }

INLINE float mean_luminance(const float *restrict red, long plane) {
    const float *restrict green = red + plane, *restrict blue = green + plane, *restrict alpha = blue + plane;
    float light[LANES] = {0}, cover[LANES] = {0}; /* sums side by side: sooner done, and less rounded */
    long i = 0;
    for (; i + LANES <= plane; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            light[lane] += luma(red[i + lane], green[i + lane], blue[i + lane]);
            cover[lane] += alpha[i + lane];
        }
    for (; i < plane; i++) {
        light[0] += luma(red[i], green[i], blue[i]);
        cover[0] += alpha[i];
    }
    for (int lane = 1; lane < LANES; lane++) {
        light[0] += light[lane];
        cover[0] += cover[lane];
    }
    return light[0] / most(cover[0], 1e-6f);
}

INLINE float mixed(float a, float b, float share) { return a * (1 - share) + b * share; }

INLINE int grayscale(const float *restrict from, float amount, float *restrict to, long plane) {
    if (amount == 0) return 0;
    for (long i = 0; i < plane; i++) {
        float r = from[i], g = from[plane + i], b = from[2 * plane + i], grey = luma(r, g, b);
        to[i] = mixed(r, grey, amount);
        to[plane + i] = mixed(g, grey, amount);
        to[2 * plane + i] = mixed(b, grey, amount);
    }
    memcpy(to + 3 * plane, from + 3 * plane, plane * sizeof(float));
    return 1;
}

/* The upper bits of each straight colour. */
INLINE int posterize(const float *restrict from, float bits, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    float levels = exp2f(bits), share = 1 / levels;
    if (bits == 8) return 0;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            long at = channel * plane + i;
            /* the small number keeps a level that rounding put just below itself */
            float level = floorf(from[at] / most(alpha[i], 1e-6f) * levels + 1e-4f);
            to[at] = least(level, levels - 1) * share * alpha[i];
        }
    memcpy(to + 3 * plane, alpha, plane * sizeof(float));
    return 1;
}

INLINE int invert(const float *restrict from, float amount, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    if (amount == 0) return 0;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            long at = channel * plane + i;
            to[at] = mixed(from[at], alpha[i] - from[at], amount);
        }
    memcpy(to + 3 * plane, alpha, plane * sizeof(float));
    return 1;
}

/* Away from a 3 x 3 smoothing (weights 1, centre 5, of 13) by `factor`; the outermost pixels stay. */
INLINE int sharpen(const float *restrict from, float factor, float *restrict to, float *restrict columns, long s) {
    long plane = s * s;
    if (factor == 1) return 0;
    memcpy(to, from, 4 * plane * sizeof(float));
    for (int channel = 3; channel >= 0; channel--) /* alpha first, which bounds the colours */
        for (long y = 1; y < s - 1; y++) {
            const float *row = from + channel * plane + y * s, *alpha = to + 3 * plane + y * s;
            float *sharp = to + channel * plane + y * s;
            for (long x = 0; x < s; x++) columns[x] = row[x - s] + row[x] + row[x + s];
            for (long x = 1; x < s - 1; x++) {
                float smooth = (columns[x - 1] + columns[x] + columns[x + 1] + 4 * row[x]) / 13;
                float moved = most(smooth + (row[x] - smooth) * factor, 0);
                sharp[x] = least(moved, channel == 3 ? 1 : alpha[x]);
            }
        }
    return 1;
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

/* Rows, then columns, smoothed with the `taps` weights w, an odd number, mirrored at the borders without repeating the
 * edge. */
INLINE int smooth(const float *from, const float *w, float *to, float *lines, long s, long taps) {
    float *rows = lines + s * (s + 2 * (taps / 2));
    for (int channel = 0; channel < 4; channel++, from += s * s, to += s * s)
        if (s == 32 && taps == 7) /* the usual size, for the compiler to unroll */
            smooth_plane(from, w, lines, rows, to, 32, 7);
        else
            smooth_plane(from, w, lines, rows, to, s, taps);
    return 1;
}

/* sqrt(2) erfinv(v) for v in [0, 0.69], to 2e-7: a least-maximum fit v P(v^2). */
INLINE float normal_at(float v) {
    float w = v * v;
    return v * (1.25331378f + w * (0.328151762f + w * (0.179429293f + w * (0.134215102f + w * (0.0162861645f + w * (0.339021474f + w * (-0.438933969f + w * 0.47175619f)))))));
}

/* 32 random bits at a place of a field, as seeds.hash_field. */
INLINE uint32_t random_bits(uint32_t place, int64_t seed) {
    uint32_t x = place * 0x9E3779B9u + (uint32_t)seed;
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x += (uint32_t)((uint64_t)seed >> 32);
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ x >> 16;
}

/* strength * clip(N(0, 1), 0, 1), drawn from `seed`, added to the straight colours. */
INLINE int noise(const float *restrict from, float strength, int64_t seed, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    if (strength == 0) return 0;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            float v = (float)(int32_t)(random_bits((uint32_t)(channel * plane + i), seed) >> 8) * 0x1p-23f - (1 - 0x1p-24f);
            float added = least(normal_at(between(v, 0, 0.69f)), 1) * strength * alpha[i];
            to[channel * plane + i] = least(from[channel * plane + i] + added, alpha[i]);
        }
    memcpy(to + 3 * plane, alpha, plane * sizeof(float));
    return 1;
}

/* The first row (or column) of cell number `cell` of `cells`: a pixel belongs wholly to one. */
INLINE long edge(long cell, long s, long cells) { return (2 * cell * s + cells) / (2 * cells); }

/* Averages over cells x cells, then the nearest one for every pixel. */
INLINE int pixelate(const float *from, long cells, float *to, float *lines, long s) {
    if (cells == s) return 0;
    for (int channel = 0; channel < 4; channel++, from += s * s, to += s * s)
        for (long cell = 0, y = 0; cell < cells; cell++) {
            long first = edge(cell, s, cells), last = edge(cell + 1, s, cells);
            float *sums = lines, *line = lines + s;
            memcpy(sums, from + first * s, s * sizeof(float));
            for (long row = first + 1; row < last; row++)
                for (long x = 0; x < s; x++) sums[x] += from[row * s + x];
            for (long across = 0, x = 0; across < cells; across++) {
                long left = edge(across, s, cells), right = edge(across + 1, s, cells);
                float sum = 0;
                for (long column = left; column < right; column++) sum += sums[column];
                sum /= (float)((right - left) * (last - first));
                for (; x < s && (2 * x + 1) * cells < (across + 1) * 2 * s; x++) line[x] = sum;
            }
            for (; y < s && (2 * y + 1) * cells < (cell + 1) * 2 * s; y++) memcpy(to + y * s, line, s * sizeof(float));
        }
    return 1;
}

/* A square made transparent; where: its side and its upper left corner's x and y, in pixels of the canvas. */
INLINE int erase(const float *from, const float *where, float *to, long s) {
    float side = where[0], left = where[1], top = where[2], each = (float)((double)CANVAS / s);
    if (side == 0) return 0;
    for (int channel = 0; channel < 4; channel++)
        for (long y = 0; y < s; y++) {
            const float *restrict row = from + (channel * s + y) * s;
            float *restrict out = to + (channel * s + y) * s, at = ((float)y + 0.5f) * each;
            int inside = at >= top && at < top + side;
            for (long x = 0; x < s; x++) {
                float across = ((float)x + 0.5f) * each;
                out[x] = inside & (across >= left) & (across < left + side) ? 0 : row[x];
            }
        }
    return 1;
}

/* Over the background `behind`, bytes (3, s, s); to: (3, s, s) in [-1, 1]. */
INLINE int paste(const float *restrict from, const uint8_t *restrict behind, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            long at = channel * plane + i;
            to[at] = (float)behind[at] * ((1 - alpha[i]) * (2 / 255.0f)) + 2 * from[at] - 1;
        }
    return 1;
}

/* The same over random pixels, drawn from `seed`. */
INLINE int paste_fresh(const float *restrict from, int64_t seed, float *restrict to, long plane) {
    const float *restrict alpha = from + 3 * plane;
    for (int channel = 0; channel < 3; channel++)
        for (long i = 0; i < plane; i++) {
            long at = channel * plane + i;
            float behind = (float)(int32_t)(random_bits((uint32_t)at, seed) >> 8) * 0x1p-24f;
            to[at] = behind * ((1 - alpha[i]) * 2) + 2 * from[at] - 1;
        }
    return 1;
}

/* Whether the step wrote `to`; it does not where it changes nothing. */
INLINE int taken(const step *what, long image, const float *from, float *to, const scratch *own, long s) {
    const float *value = what->first;
    const int64_t *whole_number = what->second;
    long plane = s * s;
    switch (what->kind) {
    case WARP: return warp(from, value + 6 * image, to, own, s);
    case DISPLACE:
        if (whole_number[image] < 0) return 0;
        return displace(from, value + 2 * plane * whole_number[image], to, own, s);
    case H_FLIP: return h_flip(from, value[image], to, s);
    case V_FLIP: return v_flip(from, value[image], to, s);
    case HUE: return hue(from, value[image], to, plane);
    case BRIGHTNESS: return stretch(from, value[image], 0, to, plane);
    case GRAYSCALE: return grayscale(from, value[image], to, plane);
    case POSTERIZE: return posterize(from, value[image], to, plane);
    case INVERT: return invert(from, value[image], to, plane);
    case SHARPEN: return sharpen(from, value[image], to, own->lines, s);
    case SMOOTH: return smooth(from, value + what->taps * image, to, own->lines, s, what->taps);
    case NOISE: return noise(from, value[image], whole_number[image], to, plane);
    case PIXELATE: return pixelate(from, ((const int64_t *)what->first)[image], to, own->lines, s);
    case ERASE: return erase(from, value + 3 * image, to, s);
    case CONTRAST: return stretch(from, value[image], mean_luminance(from, plane), to, plane);
    case PASTE: return paste(from, (const uint8_t *)what->first + 3 * plane * image, to, plane);
    case PASTE_FRESH: return paste_fresh(from, ((const int64_t *)what->first)[image], to, plane);
    }
    return 0;
}

/* Images number `rows` (or, without them, 0 to n - 1) through `count` steps, of which the last can paste; out:
 * (n, 4, s, s), or (n, 3, s, s) where it does. Returns 0, or 1 where memory is short. */
WIDE int invlab_render(const float *images, const int64_t *rows, const step *steps, long count, float *out, long n,
                       long s) {
    long plane = s * s, side = s + 3, across = whole(s);
    long each = plane * (count && steps[count - 1].kind >= PASTE ? 3 : 4);
    /* lines: rows and columns reach at most s - 1 pixels beyond both ends when they are smoothed */
    long pixels = side * side + s, floats = 8 * plane + 3 * across + 2 * s * (3 * s);
    pixel *memory = aligned_alloc(64, (pixels * sizeof(pixel) + floats * sizeof(float) + 63) / 64 * 64);
    if (!memory) return 1;
    float *first = (float *)(memory + pixels);
    scratch own = {{first, first + 4 * plane}, memory, memory + side * side, first + 8 * plane,
                   first + 8 * plane + across, first + 8 * plane + 2 * across, first + 8 * plane + 3 * across};
    memset(own.padded, 0, side * side * sizeof(pixel));
    memset(own.x, 0, 2 * across * sizeof(float));
    for (long i = 0; i < across; i++) own.centres[i] = (2 * (float)i + 1) / s - 1;
    for (long image = 0; image < n; image++) {
        const float *from = images + (rows ? rows[image] : image) * 4 * plane;
        float *end = out + image * each;
        for (long i = 0; i < count; i++) {
            float *to = i == count - 1 ? end : own.planes[from == own.planes[0]];
            if (taken(steps + i, image, from, to, &own, s)) from = to;
        }
        if (from != end) memcpy(end, from, each * sizeof(float));
    }
    free(memory);
    return 0;
}
