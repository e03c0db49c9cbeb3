/* labnet (networks.py) on images of 32 x 32 pixels: what it makes of them, and a step of learning, which gives the loss
 * and the gradient of every weight.
 *
 * The definition is labnet under torch's autograd, to which the tests hold this. What makes it faster: a map is
 * normalised while a layer reads it and its statistics are summed while it is fresh, a few images at a time in the
 * nearer caches, so that slow memory sees it once in each direction; and convolutions keep their sums in registers.
 *
 * Maps are float32 (side, side, channels), with a border of zeros where a 3 x 3 convolution reads them. Weights lie as
 * torch's channels-last has them, (outputs, taps, inputs); here they are turned, to (taps, inputs, outputs) ahead and
 * (taps, outputs, inputs) back, so that what is written is whole vectors. For processors with vectors of 512 bits.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)

int invlab_labnet_runs(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

#pragma GCC target("avx512f,avx512vl,avx2,fma")
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")
#define VECTORS __attribute__((aligned(64)))

typedef float vec __attribute__((vector_size(64), aligned(64), may_alias));
typedef int32_t bits __attribute__((vector_size(64), aligned(64), may_alias));
typedef float anywhere __attribute__((vector_size(64), aligned(4), may_alias)); /* of torch: perhaps not aligned */
#define ANYWHERE(p) (*(anywhere *)(p))
#define AT(p) (*(vec *)(p))
#define FROM(p) (*(const vec *)(p))

enum { LANES = 16, WIDEST = 5, MANY = 9 }; /* of a vector; vectors of the most channels; pixels or inputs at once */
enum { S0 = 16, C0 = 32, S1 = 8, C1 = 48, S2 = 4, C2 = 80 }; /* side and channels of the stem and of the two blocks */
enum { M0 = S0 * S0 * C0, M1 = S1 * S1 * C1, M2 = S2 * S2 * C2, H1 = S1 * S1 * C0, H2 = S2 * S2 * C1 };
enum { TAPS = 9, LAYERS = 5, GROUP = 4, ROW = 3 * 34, IMAGE = (34 * ROW + 15) / 16 * 16 };
enum { WITH_BORDER = (S0 + 2) * (S0 + 2) * C0, GRADIENT = (S1 + 2) * (S1 + 2) * C1 }; /* the largest of their kind */

/* The weights, in the order of labnet's modules; a norm's bias follows its weight. */
enum { STEM, NORM0, A1 = 3, NORM1, B1 = 6, NORM2, CUT1 = 9, A2, NORM3, B2 = 13, NORM4, CUT2 = 16, HEAD, HEAD_BIAS };

typedef struct { /* a batch norm in one step */
    double sum[C2], product[C2]; /* of its input and its square; then of the gradient, and of both */
    double deviation[C2];
    VECTORS float centre[C2]; /* what inputs are counted from: the running mean, then the batch's. Near it, sums of
                                 squares do not cancel each other out */
    VECTORS float scale[C2], shift[C2];                        /* ahead */
    VECTORS float of_gradient[C2], of_input[C2], constant[C2]; /* what the gradient of the input is a sum of */
} Norm;

typedef struct { /* what is kept of an image from one pass to the next: the norms' inputs, and their gradients */
    float in0[M0], in1[M1], in2[M1], in3[M2], in4[M2], cut1[M1], cut2[M2], half0[H1], half1[H2];
    float to0[M0], to1[M1], to2[M1], to3[M2], to4[M2];
} Maps;
enum { NEXT = sizeof(Maps) / sizeof(float) };

INLINE float *in_of(Maps *maps, int layer) {
    float *const all[LAYERS] = {maps->in0, maps->in1, maps->in2, maps->in3, maps->in4};
    return all[layer];
}

INLINE float *to_of(Maps *maps, int layer) {
    float *const all[LAYERS] = {maps->to0, maps->to1, maps->to2, maps->to3, maps->to4};
    return all[layer];
}

typedef struct { /* where a group of images is worked on, and the turned weights */
    VECTORS float images[GROUP][IMAGE], input[GROUP][WITH_BORDER], out[GROUP][M0];
    VECTORS float gradient[GROUP][GRADIENT], cut[GROUP][GRADIENT];
    VECTORS float stem[27 * C0], a1[TAPS * C0 * C1], b1[TAPS * C1 * C1], a2[TAPS * C1 * C2], b2[TAPS * C2 * C2];
    VECTORS float cut1[C0 * C1], cut2[C1 * C2];
    VECTORS float back_a1[TAPS * C0 * C1], back_b1[TAPS * C1 * C1], back_a2[TAPS * C1 * C2], back_b2[TAPS * C2 * C2];
    VECTORS float back_cut1[C0 * C1], back_cut2[C1 * C2];
    VECTORS float sums[TAPS * C2 * C2], cut_sums[C1 * C2]; /* gradients of weights, turned */
    Norm norms[LAYERS];
} Desk;

/* Room to learn from n images; with none, to look at any number, which go through all layers in groups. */
long invlab_labnet_bytes(long n) { return sizeof(Desk) + (n < GROUP ? GROUP : n) * sizeof(Maps); }

/* ------------------------------------------------------------------------------------------------ convolutions */

/* out (+)= the sum over taps and their k inputs, for rows x columns pixels and all their outputs at once. Steps are
 * those of the input, from a pixel to the next and from a row to the next. */
INLINE void block(const float *const *in, const float *const *weights, int taps, long k, long step, long row,
                  float *out, long out_step, long out_row, const int rows, const int columns, const int wide,
                  int more) {
    vec sum[MANY][WIDEST]; /* of fixed size, or it would not be kept in registers */
    UNROLL for (int p = 0; p < rows * columns; p++)
        UNROLL for (int v = 0; v < wide; v++)
            sum[p][v] = more ? FROM(out + p / columns * out_row + p % columns * out_step + v * LANES) : (vec){0};
    for (int t = 0; t < taps; t++) {
        const float *x = in[t], *w = weights[t];
        for (long i = 0; i < k; i++, w += wide * LANES) {
            vec of[WIDEST];
            UNROLL for (int v = 0; v < wide; v++) of[v] = FROM(w + v * LANES);
            UNROLL for (int p = 0; p < rows * columns; p++) {
                float value = x[p / columns * row + p % columns * step + i];
                UNROLL for (int v = 0; v < wide; v++) sum[p][v] += value * of[v];
            }
        }
    }
    UNROLL for (int p = 0; p < rows * columns; p++)
        UNROLL for (int v = 0; v < wide; v++)
            AT(out + p / columns * out_row + p % columns * out_step + v * LANES) = sum[p][v];
}

/* Maps of side x side pixels, of `group` images that lie `next` apart (the results `out_next`); `each` taps at a time,
 * so that their weights stay in the nearest cache. */
INLINE void convolve(const float *const *in, const float *const *weights, int taps, int each, long k, long step,
                     long row, long next, float *out, long out_step, long out_row, long out_next, int group,
                     const int side, const int rows, const int columns, const int wide) {
    for (int t = 0; t < taps; t += each)
        for (int g = 0; g < group; g++)
            for (int y = 0; y < side; y += rows)
                for (int x = 0; x < side; x += columns) {
                    const float *from[TAPS];
                    for (int i = 0; i < each; i++) from[i] = in[t + i] + g * next + y * row + x * step;
                    float *to = out + g * out_next + y * out_row + x * out_step;
                    block(from, weights + t, each, k, step, row, to, out_step, out_row, rows, columns, wide, t > 0);
                }
}

/* 3 x 3 of maps with a border, which lie `next` apart, every `stride` pixels; side: of the result. */
INLINE void ahead(const float *in, long next, const float *w, float *out, int group, const int side, const int stride,
                  const int inputs, const int outputs, const int columns) {
    const float *from[TAPS], *weights[TAPS];
    const int width = side * stride + 2;
    for (int t = 0; t < TAPS; t++) {
        from[t] = in + (t / 3 * width + t % 3) * inputs;
        weights[t] = w + t * inputs * outputs;
    }
    convolve(from, weights, TAPS, 1, inputs, stride * inputs, stride * width * inputs, next, out, outputs,
             side * outputs, NEXT, group, side, 1, columns, outputs / LANES);
}

/* 1 x 1 of a map without a border. */
INLINE void shortcut(const float *in, const float *w, float *out, const int side, const int inputs, const int outputs,
                     const int columns) {
    convolve(&in, &w, 1, 1, inputs, inputs, side * inputs, 0, out, outputs, side * outputs, 0, 1, side, 1, columns,
             outputs / LANES);
}

/* The gradient of what a 3 x 3 convolution of stride 1 reads, of that of its result, which has a border. */
INLINE void back(const float *gradient, const float *w, float *out, int group, const int side, const int channels,
                 const int columns) {
    const float *from[TAPS], *weights[TAPS];
    for (int t = 0; t < TAPS; t++) {
        from[t] = gradient + ((2 - t / 3) * (side + 2) + 2 - t % 3) * channels;
        weights[t] = w + t * channels * channels;
    }
    convolve(from, weights, TAPS, 1, channels, channels, (side + 2) * channels, GRADIENT, out, channels,
             side * channels, M0, group, side, 1, columns, channels / LANES);
}

/* The same for stride 2, the shortcut's share (`cut`) with it. Each of the four parities of a pixel is reached by taps
 * of its own. Both gradients have a row and a column of zeros behind; side: without them. */
INLINE void back_twice(const float *gradient, const float *cut, const float *w, const float *w_cut, float *out,
                       const int side, const int inputs, const int outputs, const int rows, const int columns) {
    const int width = side + 1;
    for (int parity = 0; parity < 4; parity++) {
        const int odd_y = parity / 2, odd_x = parity % 2;
        const float *from[TAPS] = {cut}, *weights[TAPS] = {w_cut};
        int taps = 1;
        for (int t = 0; t < TAPS; t++) {
            const int ky = t / 3, kx = t % 3;
            if (ky % 2 == odd_y || kx % 2 == odd_x) continue;
            from[taps] = gradient + ((odd_y && ky == 0) * width + (odd_x && kx == 0)) * outputs;
            weights[taps++] = w + t * inputs * outputs;
        }
        convolve(from, weights, taps, taps, outputs, outputs, width * outputs, 0,
                 out + (odd_y * 2 * side + odd_x) * inputs, 2 * inputs, 4 * side * inputs, 0, 1, side, rows, columns,
                 inputs / LANES);
    }
}

/* sums[tap][input][output] += input times gradient, over the pixels of a group; `once` inputs at a time.
 * step, row: of the input; gradient_row: of the gradient, whose pixels lie side by side. */
INLINE void weigh(const float *const *in, const float *const *gradient, int group, float *sums, const int taps,
                  const long *offsets, const int inputs, const int step, const int row, const int gradient_row,
                  const int side, const int outputs, const int once) {
    const int wide = outputs / LANES;
    for (int t = 0; t < taps; t++)
        for (int first = 0; first < inputs; first += once) {
            float *to = sums + (t * inputs + first) * outputs;
            vec sum[MANY][WIDEST];
            UNROLL for (int i = 0; i < once; i++)
                UNROLL for (int v = 0; v < wide; v++) sum[i][v] = FROM(to + i * outputs + v * LANES);
            for (int g = 0; g < group; g++)
                for (int y = 0; y < side; y++) {
                    const float *x = in[g] + offsets[t] + y * row + first, *wrong = gradient[g] + y * gradient_row;
                    for (int p = 0; p < side; p++, x += step, wrong += outputs) {
                        vec of[WIDEST];
                        UNROLL for (int v = 0; v < wide; v++) of[v] = FROM(wrong + v * LANES);
                        UNROLL for (int i = 0; i < once; i++)
                            UNROLL for (int v = 0; v < wide; v++) sum[i][v] += x[i] * of[v];
                    }
                }
            UNROLL for (int i = 0; i < once; i++)
                UNROLL for (int v = 0; v < wide; v++) AT(to + i * outputs + v * LANES) = sum[i][v];
        }
}

/* The same for 3 x 3 taps of an input with a border, whose side is `stride` times the gradient's. */
INLINE void weigh_taps(const float *const *in, const float *const *gradient, int group, float *sums, const int stride,
                       const int inputs, const int gradient_row, const int side, const int outputs, const int once) {
    const int width = stride * side + 2;
    long offsets[TAPS];
    for (int t = 0; t < TAPS; t++) offsets[t] = (t / 3 * width + t % 3) * inputs;
    weigh(in, gradient, group, sums, TAPS, offsets, inputs, stride * inputs, stride * width * inputs, gradient_row,
          side, outputs, once);
}

/* (outputs, taps, inputs) -> (taps, inputs, outputs); where `back` is given, `factor` times (taps, outputs, inputs) */
INLINE void turn(const float *w, int outputs, int taps, int inputs, float *ahead, float *back, float factor) {
    for (int t = 0; t < taps; t++)
        for (int first = 0; first < inputs; first += LANES) /* so few rows at once stay in the nearest cache */
            for (int o = 0; o < outputs; o++)
                for (int i = first; i < inputs && i < first + LANES; i++) {
                    float value = w[(o * taps + t) * inputs + i];
                    ahead[(t * inputs + i) * outputs + o] = value;
                    if (back) back[(t * outputs + o) * inputs + i] = factor * value;
                }
}

INLINE void turn_back(const float *sums, int outputs, int taps, int inputs, float *w) {
    for (int t = 0; t < taps; t++)
        for (int first = 0; first < inputs; first += LANES)
            for (int o = 0; o < outputs; o++)
                for (int i = first; i < inputs && i < first + LANES; i++)
                    w[(o * taps + t) * inputs + i] = sums[(t * inputs + i) * outputs + o];
}

/* ------------------------------------------------------------------------------------------------- batch norms */

/* Sums of one image are of single precision, those over images of double. */
INLINE void add_up(Norm *norm, const vec *sum, const vec *product, const int channels) {
    for (int c = 0; c < channels; c++) {
        norm->sum[c] += sum[c / LANES][c % LANES];
        norm->product[c] += product[c / LANES][c % LANES];
    }
}

/* A map and its square, counted from the centre. */
INLINE void sum_up(Norm *norm, const float *map, const int side, const int channels) {
    vec sum[WIDEST] = {0}, product[WIDEST] = {0};
    for (int at = 0; at < side * side * channels; at += channels)
        UNROLL for (int c = 0; c < channels; c += LANES) {
            const vec x = FROM(map + at + c) - FROM(norm->centre + c);
            sum[c / LANES] += x;
            product[c / LANES] += x * x;
        }
    add_up(norm, sum, product, channels);
}

/* From the sums to what is done ahead; the running statistics move by `momentum`. */
INLINE void settle(Norm *norm, double count, const float *weight, const float *bias, float *running_mean,
                   float *running_variance, float momentum, float epsilon, int channels) {
    for (int c = 0; c < channels; c++) {
        double off = norm->sum[c] / count, variance = norm->product[c] / count - off * off;
        double mean = norm->centre[c] + off;
        if (variance < 0) variance = 0;
        norm->centre[c] = mean;
        norm->deviation[c] = sqrt(variance + epsilon);
        norm->scale[c] = weight[c] / norm->deviation[c];
        norm->shift[c] = bias[c] - mean * weight[c] / norm->deviation[c];
        running_mean[c] += momentum * (mean - running_mean[c]);
        running_variance[c] += momentum * (variance * count / (count - 1) - running_variance[c]);
        norm->sum[c] = norm->product[c] = 0;
    }
}

/* From the sums to the gradients of weight and bias, and to what is done back. */
INLINE void settle_back(Norm *norm, double count, const float *weight, float *of_weight, float *of_bias, int channels) {
    for (int c = 0; c < channels; c++) {
        double sum = norm->sum[c], product = norm->product[c] / norm->deviation[c];
        of_weight[c] = product;
        of_bias[c] = sum;
        double scale = weight[c] / norm->deviation[c], input = -scale * product / count / norm->deviation[c];
        norm->of_gradient[c] = scale;
        norm->of_input[c] = input;
        norm->constant[c] = -scale * sum / count - input * norm->centre[c];
    }
}

/* What is below 0 becomes 0. What is no number stays: the loss must tell. */
INLINE vec rectified(vec x) { return (vec)(~(x <= 0) & (bits)x); }

/* The normalised map and `added` to it, where there is one, rectified; into the middle of a border. */
INLINE void normalise(const Norm *norm, const float *map, const float *added, float *out, const int side,
                      const int channels) {
    for (int y = 0; y < side; y++) {
        float *to = out + ((y + 1) * (side + 2) + 1) * channels;
        for (int i = 0; i < side * channels; i += channels)
            UNROLL for (int c = 0; c < channels; c += LANES) {
                const long at = y * side * channels + i + c;
                vec x = FROM(map + at) * FROM(norm->scale + c) + FROM(norm->shift + c);
                if (added) x += FROM(added + at);
                AT(to + i + c) = rectified(x);
            }
    }
}

/* The gradient of a norm's input, of that of its output; `before` and `behind`: rows and columns of zeros around. */
INLINE void normalise_back(const Norm *norm, const float *map, const float *gradient, float *out, const int side,
                           const int channels, const int before, const int behind) {
    for (int y = 0; y < side; y++) {
        float *to = out + ((y + before) * (side + before + behind) + before) * channels;
        for (int i = 0; i < side * channels; i += channels)
            UNROLL for (int c = 0; c < channels; c += LANES) {
                const long at = y * side * channels + i + c;
                AT(to + i + c) = FROM(gradient + at) * FROM(norm->of_gradient + c) +
                                 FROM(map + at) * FROM(norm->of_input + c) + FROM(norm->constant + c);
            }
    }
}

/* The gradient where the rectified map (with a border) is above 0, else 0; kept, and summed up with the norm's input */
INLINE void pass(Norm *norm, const float *gradient, const float *map, const float *input, float *out, const int side,
                 const int channels) {
    vec sum[WIDEST] = {0}, product[WIDEST] = {0};
    for (int y = 0; y < side; y++) {
        const float *row = map + ((y + 1) * (side + 2) + 1) * channels;
        for (int i = 0; i < side * channels; i += channels)
            UNROLL for (int c = 0; c < channels; c += LANES) {
                const long at = y * side * channels + i + c;
                const vec passed = (vec)((FROM(row + i + c) > 0) & (bits)FROM(gradient + at));
                AT(out + at) = passed;
                sum[c / LANES] += passed;
                product[c / LANES] += passed * (FROM(input + at) - FROM(norm->centre + c));
            }
    }
    add_up(norm, sum, product, channels);
}

/* Means of 2 x 2 pixels of a map with a border; side: of the result. */
INLINE void halve(const float *map, float *out, const int side, const int channels) {
    const int width = (2 * side + 2) * channels;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < channels; c += LANES) {
                const float *at = map + (2 * y + 1) * width + (2 * x + 1) * channels + c;
                AT(out + (y * side + x) * channels + c) =
                    (FROM(at) + FROM(at + channels) + FROM(at + width) + FROM(at + width + channels)) * 0.25f;
            }
}

/* Copied into a map with a row and a column of zeros behind. */
INLINE void widen(const float *map, float *out, const int side, const int channels) {
    for (int y = 0; y < side; y++)
        memcpy(out + y * (side + 1) * channels, map + y * side * channels, side * channels * sizeof(float));
}

/* ---------------------------------------------------------------------------------------------------- the step */

typedef struct {
    const float *images;   /* (n, 3, 32, 32) */
    const int64_t *labels; /* (n,) */
    const float *const *weights;
    float *const *gradients;
    float *const *statistics; /* running mean and variance of each norm */
    long n, classes;
    float momentum, epsilon;
    Desk *desk;
    Maps *maps;
} Step;

#define CLEAR(array) memset(array, 0, sizeof(array))
#define GROUPS for (long first = 0; first < s->n; first += GROUP)
#define HOW_MANY (s->n - first < GROUP ? s->n - first : GROUP)
#define EACH for (int g = 0; g < HOW_MANY; g++)

static const int CHANNELS[LAYERS] = {C0, C1, C1, C2, C2}, SIDES[LAYERS] = {S0, S1, S1, S2, S2};
static const int WEIGHTS[LAYERS] = {NORM0, NORM1, NORM2, NORM3, NORM4};

static void settled(const Step *s, int layer) {
    settle(s->desk->norms + layer, (double)s->n * SIDES[layer] * SIDES[layer], s->weights[WEIGHTS[layer]],
           s->weights[WEIGHTS[layer] + 1], s->statistics[2 * layer], s->statistics[2 * layer + 1], s->momentum,
           s->epsilon, CHANNELS[layer]);
}

static void settled_back(const Step *s, int layer) {
    settle_back(s->desk->norms + layer, (double)s->n * SIDES[layer] * SIDES[layer], s->weights[WEIGHTS[layer]],
                s->gradients[WEIGHTS[layer]], s->gradients[WEIGHTS[layer] + 1], CHANNELS[layer]);
}

static void lay_out(const float *image, float *out) {
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++)
            for (int c = 0; c < 3; c++) out[(y + 1) * ROW + (x + 1) * 3 + c] = image[c * 1024 + y * 32 + x];
}

/* The three pixels of a row of the stem's window are nine inputs side by side. */
static void stem(Desk *desk, const float *image, float *out) {
    const float *rows[3], *weights[3];
    lay_out(image, desk->images[0]);
    for (int t = 0; t < 3; t++) {
        rows[t] = desk->images[0] + t * ROW;
        weights[t] = desk->stem + t * 9 * C0;
    }
    convolve(rows, weights, 3, 3, 9, 6, 2 * ROW, 0, out, C0, S0 * C0, 0, 1, S0, 1, 8, C0 / LANES);
}

static void turn_all(Desk *desk, const float *const *weights) {
    turn(weights[STEM], C0, 1, 27, desk->stem, 0, 1);
    turn(weights[A1], C1, TAPS, C0, desk->a1, desk->back_a1, 1);
    turn(weights[B1], C1, TAPS, C1, desk->b1, desk->back_b1, 1);
    turn(weights[CUT1], C1, 1, C0, desk->cut1, desk->back_cut1, 0.25f); /* the share of each of four pixels */
    turn(weights[A2], C2, TAPS, C1, desk->a2, desk->back_a2, 1);
    turn(weights[B2], C2, TAPS, C2, desk->b2, desk->back_b2, 1);
    turn(weights[CUT2], C2, 1, C1, desk->cut2, desk->back_cut2, 0.25f);
}

static void stem_ahead(const Step *s) {
    for (long i = 0; i < s->n; i++) {
        stem(s->desk, s->images + i * 3 * 1024, s->maps[i].in0);
        sum_up(s->desk->norms, s->maps[i].in0, S0, C0);
    }
    settled(s, 0);
}

/* Ahead through the block whose first norm is `layer`: its two convolutions and its shortcut; side: of its result. */
INLINE void block_ahead(const Step *s, const int layer, const float *a, const float *b, const float *cut,
                        const int side, const int inputs, const int outputs, const int columns) {
    Desk *desk = s->desk;
    Norm *norms = desk->norms + layer;
    CLEAR(desk->input); /* the borders, which nothing writes to until a map has another size */
    GROUPS {
        Maps *maps = s->maps + first;
        EACH normalise(norms - 1, in_of(maps + g, layer - 1), layer == 3 ? maps[g].cut1 : 0, desk->input[g], 2 * side,
                       inputs);
        ahead(desk->input[0], WITH_BORDER, a, in_of(maps, layer), HOW_MANY, side, 2, inputs, outputs, columns);
        EACH {
            float *half = layer == 3 ? maps[g].half1 : maps[g].half0;
            sum_up(norms, in_of(maps + g, layer), side, outputs);
            halve(desk->input[g], half, side, inputs);
            shortcut(half, cut, layer == 3 ? maps[g].cut2 : maps[g].cut1, side, inputs, outputs, columns);
        }
    }
    settled(s, layer);
    CLEAR(desk->input);
    GROUPS {
        Maps *maps = s->maps + first;
        EACH normalise(norms, in_of(maps + g, layer), 0, desk->input[g], side, outputs);
        ahead(desk->input[0], WITH_BORDER, b, in_of(maps, layer + 1), HOW_MANY, side, 1, outputs, outputs, columns);
        EACH sum_up(norms + 1, in_of(maps + g, layer + 1), side, outputs);
    }
    settled(s, layer + 1);
}

static void blocks_ahead(const Step *s) {
    const Desk *d = s->desk;
    block_ahead(s, 1, d->a1, d->b1, d->cut1, S1, C0, C1, 8);
    block_ahead(s, 3, d->a2, d->b2, d->cut2, S2, C1, C2, 4);
}

/* The mean of the last map, which has a border. */
INLINE void average(const float *map, vec *features) {
    for (int v = 0; v < WIDEST; v++) {
        features[v] = (vec){0};
        for (int p = 0; p < S2 * S2; p++)
            features[v] += FROM(map + ((p / S2 + 1) * (S2 + 2) + p % S2 + 1) * C2 + v * LANES);
        features[v] *= 1.0f / (S2 * S2);
    }
}

/* The head on an image's last map, and back to the map; returns the loss. */
static double read_out(const Step *s, const float *map, int64_t label, float *scores, float *back, long *right) {
    vec features[WIDEST], wrong_features[WIDEST] = {0};
    average(map, features);
    long best = 0;
    for (long c = 0; c < s->classes; c++) {
        vec products = {0};
        for (int v = 0; v < WIDEST; v++) products += ANYWHERE(s->weights[HEAD] + c * C2 + v * LANES) * features[v];
        scores[c] = s->weights[HEAD_BIAS][c];
        for (int i = 0; i < LANES; i++) scores[c] += products[i];
        if (scores[c] > scores[best]) best = c;
    }
    double total = 0, highest = scores[best];
    for (long c = 0; c < s->classes; c++) total += exp(scores[c] - highest);
    for (long c = 0; c < s->classes; c++) {
        float wrong = (exp(scores[c] - highest) / total - (c == label)) / s->n;
        s->gradients[HEAD_BIAS][c] += wrong;
        for (int v = 0; v < WIDEST; v++) {
            const long at = c * C2 + v * LANES;
            ANYWHERE(s->gradients[HEAD] + at) += wrong * features[v];
            wrong_features[v] += wrong * ANYWHERE(s->weights[HEAD] + at);
        }
    }
    for (int p = 0; p < S2 * S2; p++)
        for (int v = 0; v < WIDEST; v++) AT(back + p * C2 + v * LANES) = wrong_features[v] * (1.0f / (S2 * S2));
    *right += best == label;
    return log(total) + highest - scores[label];
}

static double turned_round(const Step *s, float *scores, long *right) {
    Desk *desk = s->desk;
    double total = 0;
    memset(s->gradients[HEAD], 0, s->classes * C2 * sizeof(float));
    memset(s->gradients[HEAD_BIAS], 0, s->classes * sizeof(float));
    for (long i = 0; i < s->n; i++) {
        Maps *maps = s->maps + i;
        normalise(desk->norms + 4, maps->in4, maps->cut2, desk->input[0], S2, C2);
        total += read_out(s, desk->input[0], s->labels[i], scores, desk->out[0], right);
        pass(desk->norms + 4, desk->out[0], desk->input[0], maps->in4, maps->to4, S2, C2);
    }
    settled_back(s, 4);
    return total / s->n;
}

/* Back through the block whose last norm is `layer`, from the gradient of its result to that of what it reads. Weights:
 * of its second and first convolution and of its shortcut, turned for the way back; B, A, CUT: whose gradients.
 * side: of its result; rows, columns: pixels at once in `back_twice`; once: inputs at once in `weigh`.
 * Borders are cleared where maps of another size come; where the pass before had that size, `input` has its own. */
INLINE void block_back(const Step *s, const int layer, const float *b, const float *a, const float *cut, const int B,
                       const int A, const int CUT, const int side, const int inputs, const int outputs, const int rows,
                       const int columns, const int once) {
    Desk *desk = s->desk;
    Norm *norms = desk->norms + layer;
    const float *in[GROUP], *wrong[GROUP], *halves[GROUP], *cuts[GROUP];
    const long here[1] = {0};
    CLEAR(desk->gradient);
    CLEAR(desk->sums);
    GROUPS {
        Maps *maps = s->maps + first;
        EACH {
            normalise(norms - 1, in_of(maps + g, layer - 1), 0, desk->input[g], side, outputs);
            normalise_back(norms, in_of(maps + g, layer), to_of(maps + g, layer), desk->gradient[g], side, outputs, 1,
                           1);
            in[g] = desk->input[g];
            wrong[g] = desk->gradient[g] + (side + 3) * outputs;
        }
        weigh_taps(in, wrong, HOW_MANY, desk->sums, 1, outputs, (side + 2) * outputs, side, outputs, once);
        back(desk->gradient[0], b, desk->out[0], HOW_MANY, side, outputs, columns);
        EACH pass(norms - 1, desk->out[g], desk->input[g], in_of(maps + g, layer - 1), to_of(maps + g, layer - 1), side,
                  outputs);
    }
    turn_back(desk->sums, outputs, TAPS, outputs, s->gradients[B]);

    settled_back(s, layer - 1);
    CLEAR(desk->input);
    CLEAR(desk->gradient);
    CLEAR(desk->cut);
    CLEAR(desk->sums);
    CLEAR(desk->cut_sums);
    GROUPS {
        Maps *maps = s->maps + first;
        EACH {
            normalise(norms - 2, in_of(maps + g, layer - 2), layer == 4 ? maps[g].cut1 : 0, desk->input[g], 2 * side,
                      inputs);
            normalise_back(norms - 1, in_of(maps + g, layer - 1), to_of(maps + g, layer - 1), desk->gradient[g], side,
                           outputs, 0, 1);
            widen(to_of(maps + g, layer), desk->cut[g], side, outputs);
            wrong[g] = desk->gradient[g];
            halves[g] = layer == 4 ? maps[g].half1 : maps[g].half0;
            cuts[g] = to_of(maps + g, layer);
        }
        weigh_taps(in, wrong, HOW_MANY, desk->sums, 2, inputs, (side + 1) * outputs, side, outputs, once);
        weigh(halves, cuts, HOW_MANY, desk->cut_sums, 1, here, inputs, inputs, side * inputs, side * outputs, side,
              outputs, once);
        EACH {
            back_twice(desk->gradient[g], desk->cut[g], a, cut, desk->out[g], side, inputs, outputs, rows, columns);
            pass(norms - 2, desk->out[g], desk->input[g], in_of(maps + g, layer - 2), to_of(maps + g, layer - 2),
                 2 * side, inputs);
        }
    }
    turn_back(desk->sums, outputs, TAPS, inputs, s->gradients[A]);
    turn_back(desk->cut_sums, outputs, 1, inputs, s->gradients[CUT]);
    settled_back(s, layer - 2);
}

static void blocks_back(const Step *s) {
    const Desk *d = s->desk;
    block_back(s, 4, d->back_b2, d->back_a2, d->back_cut2, B2, A2, CUT2, S2, C1, C2, 2, 4, 4);
    block_back(s, 2, d->back_b1, d->back_a1, d->back_cut1, B1, A1, CUT1, S1, C0, C1, 1, 8, 8);
}

static void stem_back(const Step *s) {
    Desk *desk = s->desk;
    const float *images[GROUP], *wrong[GROUP];
    const long rows[3] = {0, ROW, 2 * ROW};
    memset(desk->sums, 0, 27 * C0 * sizeof(float));
    GROUPS {
        Maps *maps = s->maps + first;
        EACH {
            lay_out(s->images + (first + g) * 3 * 1024, desk->images[g]);
            normalise_back(desk->norms, maps[g].in0, maps[g].to0, desk->input[g], S0, C0, 0, 0);
            images[g] = desk->images[g];
            wrong[g] = desk->input[g];
        }
        weigh(images, wrong, HOW_MANY, desk->sums, 3, rows, 9, 6, 2 * ROW, S0 * C0, S0, C0, 9);
    }
    turn_back(desk->sums, C0, 1, 27, s->gradients[STEM]);
}

/* weights, gradients: in the order of the enumeration above; statistics: running mean and variance of each norm, moved
 * by `momentum`; place: invlab_labnet_bytes(n), aligned to 64, zero before the first step; scores: room for `classes`.
 * Returns how many images were named rightly, or -1 where a label is no class; loss: the mean cross-entropy. */
long invlab_labnet_step(const float *images, const int64_t *labels, const float *const *weights,
                        float *const *gradients, float *const *statistics, void *place, float *scores, double *loss,
                        long n, long classes, float momentum, float epsilon) {
    Desk *desk = place;
    Maps *maps = (Maps *)(desk + 1);
    Step step = {images, labels, weights, gradients, statistics, n, classes, momentum, epsilon, desk, maps};
    long right = 0;
    for (long i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= classes) return -1;
    for (int i = 0; i < LAYERS; i++) {
        CLEAR(desk->norms[i].sum);
        CLEAR(desk->norms[i].product);
        memcpy(desk->norms[i].centre, statistics[2 * i], CHANNELS[i] * sizeof(float));
    }
    turn_all(desk, weights);
    stem_ahead(&step);
    blocks_ahead(&step);
    *loss = turned_round(&step, scores, &right);
    blocks_back(&step);
    stem_back(&step);
    return right;
}

/* A step of Adam (Kingma and Ba, ICLR 2015) on `count` tensors of `sizes` numbers: the weights, the means of the
 * gradients and of their squares move. step: from 1. */
void invlab_labnet_adam(float *const *weights, const float *const *gradients, float *const *means,
                        float *const *squares, const long *sizes, long count, double rate, double beta1, double beta2,
                        double epsilon, long step) {
    const float size = rate / (1 - pow(beta1, step)), under = 1 / sqrt(1 - pow(beta2, step));
    const float new1 = 1 - beta1, new2 = 1 - beta2, old2 = beta2, least = epsilon;
    for (long t = 0; t < count; t++) {
        float *restrict w = weights[t], *restrict m = means[t], *restrict v = squares[t];
        const float *restrict g = gradients[t];
        for (long i = 0; i < sizes[t]; i++) {
            m[i] += new1 * (g[i] - m[i]);
            v[i] = old2 * v[i] + new2 * g[i] * g[i];
            w[i] -= size * m[i] / (sqrtf(v[i]) * under + least);
        }
    }
}

/* What labnet makes of images (n, 3, 32, 32) with its running statistics: features (n, 80). place: of
 * invlab_labnet_bytes(0), aligned to 64. */
void invlab_labnet_features(const float *images, const float *const *weights, const float *const *statistics,
                            void *place, float *features, long n, float epsilon) {
    Desk *desk = place;
    Maps *maps = (Maps *)(desk + 1);
    Norm *norms = desk->norms;
    float *wide = desk->input[0], *middle = desk->gradient[0], *small = desk->cut[0]; /* maps with their borders */
    turn_all(desk, weights);
    for (int i = 0; i < LAYERS; i++)
        for (int c = 0; c < CHANNELS[i]; c++) {
            float scale = weights[WEIGHTS[i]][c] / sqrt((double)statistics[2 * i + 1][c] + epsilon);
            norms[i].scale[c] = scale;
            norms[i].shift[c] = weights[WEIGHTS[i] + 1][c] - statistics[2 * i][c] * scale;
        }
    CLEAR(desk->input);
    CLEAR(desk->gradient);
    CLEAR(desk->cut);
    for (long first = 0; first < n; first += GROUP) {
        const int group = n - first < GROUP ? n - first : GROUP;
        for (int g = 0; g < group; g++) {
            stem(desk, images + (first + g) * 3 * 1024, maps[g].in0);
            normalise(norms, maps[g].in0, 0, wide + g * WITH_BORDER, S0, C0);
            halve(wide + g * WITH_BORDER, maps[g].half0, S1, C0);
            shortcut(maps[g].half0, desk->cut1, maps[g].cut1, S1, C0, C1, 8);
        }
        ahead(wide, WITH_BORDER, desk->a1, maps->in1, group, S1, 2, C0, C1, 8);
        for (int g = 0; g < group; g++) normalise(norms + 1, maps[g].in1, 0, middle + g * GRADIENT, S1, C1);
        ahead(middle, GRADIENT, desk->b1, maps->in2, group, S1, 1, C1, C1, 8);
        for (int g = 0; g < group; g++) {
            normalise(norms + 2, maps[g].in2, maps[g].cut1, middle + g * GRADIENT, S1, C1);
            halve(middle + g * GRADIENT, maps[g].half1, S2, C1);
            shortcut(maps[g].half1, desk->cut2, maps[g].cut2, S2, C1, C2, 4);
        }
        ahead(middle, GRADIENT, desk->a2, maps->in3, group, S2, 2, C1, C2, 4);
        for (int g = 0; g < group; g++) normalise(norms + 3, maps[g].in3, 0, small + g * GRADIENT, S2, C2);
        ahead(small, GRADIENT, desk->b2, maps->in4, group, S2, 1, C2, C2, 4);
        for (int g = 0; g < group; g++) {
            vec mean[WIDEST];
            normalise(norms + 4, maps[g].in4, maps[g].cut2, small + g * GRADIENT, S2, C2);
            average(small + g * GRADIENT, mean);
            memcpy(features + (first + g) * C2, mean, sizeof mean);
        }
    }
}

#else

int invlab_labnet_runs(void) { return 0; }
void invlab_labnet_adam(float *const *weights, const float *const *gradients, float *const *means,
                        float *const *squares, const long *sizes, long count, double rate, double beta1, double beta2,
                        double epsilon, long step) {}
void invlab_labnet_features(const float *images, const float *const *weights, const float *const *statistics,
                            void *place, float *features, long n, float epsilon) {}
long invlab_labnet_bytes(long n) { return n; }
long invlab_labnet_step(const float *images, const int64_t *labels, const float *const *weights,
                        float *const *gradients, float *const *statistics, void *place, float *scores, double *loss,
                        long n, long classes, float momentum, float epsilon) {
    return -1;
}

#endif
