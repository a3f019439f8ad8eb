#include "ways/winograd.hpp"

#include "base/pool.hpp"
#include "simd/epilogue.hpp"
#include "simd/rows.hpp"
#include "simd/toom_transform.hpp"
#include "simd/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
constexpr int max_rows = vector_bytes == 64 ? 14 : 6;
using V = Vec<float>;

// product[i][v] (+)= sum over c of input[c][i] * u[c][v]: ROWS tiles by NV vectors of output channels, held in
// registers. What the next group of channels needs is fetched ahead, a line of it with each channel.
template <int ROWS, int NV>
void multiply(int64_t channels, const float* input, int64_t group_stride, const float* u, float* product, bool first) {
    V acc[ROWS * NV] = {};
    for (int64_t c = 0; c < channels; c += L, input += group_stride) {
        const int64_t count = least<int64_t>(L, channels - c);
        const float *at = input, *next = input + group_stride;
        for (int64_t j = 0; j < count; ++j, ++at, u += NV * L, next += L) {
            V weight[NV];
            [&]<int... J>(Steps<J...>) INLINE { ((weight[J] = load<float>(u + J * L)), ...); }(steps<NV>);
            __builtin_prefetch(next);
            [&]<int... J>(Steps<J...>) INLINE { (__builtin_prefetch(u + (L * NV + J) * L), ...); }(steps<NV>);
            static_for<ROWS>([&](auto i) INLINE {
                const V value = broadcast(at[i * L]);
                [&]<int... J>(Steps<J...>) INLINE { ((acc[i * NV + J] += value * weight[J]), ...); }(steps<NV>);
            });
        }
    }
    if (first) {
        [&]<int... I>(Steps<I...>) INLINE { (store<float>(product + I * L, acc[I]), ...); }(steps<ROWS * NV>);
    } else {
        [&]<int... I>(Steps<I...>) INLINE {
            (store<float>(product + I * L, load<float>(product + I * L) + acc[I]), ...);
        }(steps<ROWS * NV>);
    }
}

using Multiply = void (*)(int64_t, const float*, int64_t, const float*, float*, bool);
struct Multiplies {
    Multiply of[max_rows][2];
    constexpr Multiplies() : of{} {
        static_for<max_rows>([&](auto i) {
            of[i][0] = multiply<i + 1, 1>;
            of[i][1] = multiply<i + 1, 2>;
        });
    }
};
constexpr Multiplies multiplies;

// Tiles of one row of the grid of one phase of one image.
struct Run {
    int64_t image, phase_y, phase_x, tile_y, tile_x, tiles;
};

Run run_at(const WinogradPlan& w, int64_t tile, int64_t stop) {
    const int64_t tx = tile % w.tiles_x, row = tile / w.tiles_x;
    const int64_t phases = w.dilation_y * w.dilation_x, phase = row / w.tiles_y % phases;
    return {row / w.tiles_y / phases,          phase / w.dilation_x, phase % w.dilation_x, row % w.tiles_y, tx,
            least(w.tiles_x - tx, stop - tile)};
}

// What is the same for tiles of any size, so that it is compiled once.
struct AnyTiles {
    const WinogradPlan& w;
    const Args& a;
    int64_t group, tile0, tile1;
    float *input, *product, *stage, *lines;

    // to[column][channel] from `channels` rows of the image, from column `at` of it on: whole vectors, zero past its
    // end.
    void stage_row(const float* row, int64_t at, int64_t channels, int64_t columns, float* to) const {
        const int64_t step = w.apart_x(), plane = w.p.h * w.p.w;
        for (int64_t j = 0; j < columns; j += L, at += step * L, to += L * L) {
            const float* const from = row + at;
            const int64_t left = w.p.w - at;
            V v[L];
            const auto fill = [&](auto&& get) INLINE {
                static_for<L>([&](auto c) INLINE { v[c] = c < channels ? get(from + c * plane) : V{}; });
            };
            if (step == 1 && left >= L && channels == L) {
                static_for<L>([&](auto c) INLINE { v[c] = load<float>(from + c * plane); });
            } else if (step == 1) {
                const int64_t count = least<int64_t>(L, left);
                fill([&](const float* p) INLINE { return load_part_or_all(p, count); });
            } else if (step == 2) {
                const Span<float> low = span_inside<float>(at, w.p.w), high = span_inside<float>(at + L, w.p.w);
                fill([&](const float* p) INLINE {
                    return even_lanes<float>(load_span<float>(p, low), load_span<float>(p + L, high));
                });
            } else {
                for (int64_t c = 0; c < channels; ++c)
                    copy_row<float>(lines + c * L, row + c * plane, w.p.w, at, step, L);
                static_for<L>([&](auto c) INLINE { v[c] = c < channels ? load<float>(lines + c * L) : V{}; });
            }
            transpose<float>(v);
            static_for<L>([&](auto i) INLINE { store<float>(to + i * L, v[i]); });
        }
    }

    void multiply_block(const float* u, int64_t nv) const {
        const int64_t tiles = tile1 - tile0, groups = ceil_div(tiles, max_rows), channels = w.p.group_c(),
                      chain = w.chain();
        for (int64_t s = 0; s < w.spots(); ++s)
            for (int64_t phase = 0; phase < w.phases(); ++phase) {
                if (!w.contributes(phase, s)) continue;
                for (int64_t i = 0; i < groups; ++i) {
                    const int64_t from = i * tiles / groups, rows = (i + 1) * tiles / groups - from;
                    const float* in = input + s * w.input_stride() + (phase * w.c_groups() * w.tile_block + from) * L;
                    for (int64_t c = 0; c < channels; c += chain, in += chain / L * w.tile_block * L)
                        multiplies.of[rows - 1][nv - 1](
                            least(chain, channels - c), in, w.tile_block * L, u + c * nv * L,
                            product + s * w.product_stride() + from * nv * L, phase == 0 && c == 0);
                }
                u += channels * nv * L;
            }
    }

    // Row `sums` holds [column][channel]; `out` is the row of the first channel.
    void emit(const float* sums, int64_t columns, int64_t channels, int64_t k_first, float* out) const {
        const Problem& p = w.p;
        const int64_t plane = p.oh * p.ow;
        const Limits<float> limits(a.activation);
        const V bias = a.bias ? load_part_or_all(static_cast<const float*>(a.bias) + k_first, channels) : V{};
        for (int64_t j = 0; j < columns; j += L) {
            const int64_t count = least<int64_t>(L, columns - j);
            V v[L];
            static_for<L>([&](auto i) INLINE { v[i] = limits.clamp(load<float>(sums + (j + i) * L) + bias); });
            transpose<float>(v);
            float* to = out + j * w.dilation_x;
            for (int64_t k = 0; k < channels; ++k, to += plane) {
                if (w.dilation_x > 1) {
                    for (int64_t i = 0; i < count; ++i) to[i * w.dilation_x] = v[k][i];
                } else if (count == L) {
                    store<float>(to, v[k]);
                } else {
                    store_part<float>(to, v[k], count);
                }
            }
        }
    }

    static V load_part_or_all(const float* p, int64_t count) {
        return count == L ? load<float>(p) : load_part<float>(p, count);
    }
};

template <int M, int R>
struct Task : AnyTiles {
    using F = Transform<M, R>;
    static constexpr int size = F::size;

    void transform_phase(const Run& run, int64_t first, int64_t phase) const {
        const Problem& p = w.p;
        const bool short_y = w.short_y(phase), short_x = w.short_x(phase);
        const int64_t columns = (run.tiles - 1) * M + size, pitch = w.run_columns(), stride = w.input_stride();
        const int64_t top = (run.phase_y + phase / w.stride) * w.step_y +
                            (run.tile_y * M - short_y * w.moved()) * w.apart_y() - p.pad_top;
        const int64_t left = (run.phase_x + phase % w.stride) * w.step_x +
                             (run.tile_x * M - short_x * w.moved()) * w.apart_x() - p.pad_left;
        // Columns [lo, hi) hold the image, up to a whole vector; those outside are zero once and for all.
        const int64_t lo = left < 0 ? least(columns, ceil_div(-left, w.apart_x())) : 0;
        const int64_t inside =
            left < p.w ? most<int64_t>(0, least(columns, ceil_div(p.w - left, w.apart_x())) - lo) : 0;
        const int64_t hi = lo + ceil_div(inside, L) * L;
        for (int64_t i = 0; i < size; ++i) {
            zero_run(stage + i * pitch * L, lo * L);
            zero_run(stage + (i * pitch + hi) * L, most<int64_t>(0, columns - hi) * L);
        }
        const float* x = static_cast<const float*>(a.x) + (run.image * p.c + group * p.group_c()) * p.h * p.w;
        for (int64_t cg = 0; cg < w.c_groups(); ++cg, x += L * p.h * p.w) {
            for (int64_t i = 0; i < size; ++i) {
                const int64_t y = top + w.apart_y() * i;
                float* to = stage + (i * pitch + lo) * L;
                if (y < 0 || y >= p.h) zero_run(to, (hi - lo) * L);
                else
                    stage_row(x + y * p.w, left + lo * w.apart_x(), least<int64_t>(L, p.group_c() - cg * L), hi - lo,
                              to);
            }
            // Along the columns in place, each once for the tiles that share it; then along the rows.
            for (float* at = stage + lo * L; at < stage + least(columns, hi) * L; at += L) {
                V in[size];
                [&]<int... I>(Steps<I...>) INLINE { ((in[I] = load<float>(at + I * pitch * L)), ...); }(steps<size>);
                F::input([&](int i) INLINE { return in[i]; },
                         [&](int i, V v) INLINE { store<float>(at + i * pitch * L, v); });
            }
            for (int64_t tile = 0; tile < run.tiles; ++tile) {
                const float* at = stage + tile * M * L;
                float* to = input + ((phase * w.c_groups() + cg) * w.tile_block + first + tile) * L;
                for (int i = 0; i < size - short_y; ++i, at += pitch * L, to += size * stride) {
                    V in[size];
                    [&]<int... J>(Steps<J...>) INLINE { ((in[J] = load<float>(at + J * L)), ...); }(steps<size>);
                    F::input([&](int j) INLINE { return in[j]; },
                             [&](int j, V v) INLINE {
                                 if (j < size - short_x) store<float>(to + j * stride, v);
                             });
                }
            }
        }
    }

    // Channels [k0, k0 + L) of the group, vector v of the nv that were multiplied.
    void transform_output(const Run& run, int64_t first, int64_t k0, int64_t v, int64_t nv) const {
        const Problem& p = w.p;
        const int64_t pitch = w.run_columns(), stride = w.product_stride();
        V bad{};
        for (int64_t tile = 0; tile < run.tiles; ++tile) {
            const float* from = product + ((first + tile) * nv + v) * L;
            float* to = stage + tile * M * L;
            V half[M][size];
            for (int j = 0; j < size; ++j)
                F::output([&](int i) { return load<float>(from + (i * size + j) * stride); },
                          [&](int i, V value) { half[i][j] = value; });
            for (int i = 0; i < M; ++i)
                F::output([&](int j) { return half[i][j]; },
                          [&](int j, V value) {
                              store<float>(to + (i * pitch + j) * L, value);
                              bad += value * 0.0f;
                          });
        }
        const int64_t channels = least<int64_t>(L, p.group_k() - k0);
        const int64_t ox0 = run.phase_x + w.dilation_x * run.tile_x * M;
        const int64_t columns = least(run.tiles * M, ceil_div(p.ow - ox0, w.dilation_x));
        for (int64_t k = 0; k < channels; ++k)
            if (bad[k] != 0.0f) return a.spoil();
        for (int i = 0; i < M; ++i) {
            const int64_t oy = run.phase_y + w.dilation_y * (run.tile_y * M + i);
            if (oy >= p.oh || columns <= 0) break;
            const int64_t k_first = group * p.group_k() + k0;
            float* out = static_cast<float*>(a.out) + ((run.image * p.k + k_first) * p.oh + oy) * p.ow + ox0;
            emit(stage + i * pitch * L, columns, channels, k_first, out);
        }
    }

    void transform_tiles() const {
        for (int64_t tile = tile0; tile < tile1;) {
            const Run r = run_at(w, tile, tile1);
            for (int64_t phase = 0; phase < w.phases(); ++phase) transform_phase(r, tile - tile0, phase);
            tile += r.tiles;
        }
    }

    void run(int64_t vector0, int64_t vector1) const {
        const float* packed = static_cast<const float*>(a.packed) + group * w.weight_elements();
        for (int64_t v = vector0; v < vector1; v += 2) {
            const int64_t nv = least<int64_t>(2, w.k_vectors() - v);
            multiply_block(packed + v * w.products() * w.p.group_c() * L, nv);
            for (int64_t tile = tile0; tile < tile1;) {
                const Run r = run_at(w, tile, tile1);
                for (int64_t i = 0; i < nv; ++i) transform_output(r, tile - tile0, (v + i) * L, i, nv);
                tile += r.tiles;
            }
        }
    }
};

template <int M, int R>
void run_task(const WinogradPlan& w, const Args& a, const Unit& unit) {
    const int64_t k_task = unit.task % w.k_tasks, pixels = unit.task / w.k_tasks,
                  tile0 = pixels % w.tile_tasks * w.tile_block;
    float* const memory = static_cast<float*>(unit.memory);
    float* const product = memory + w.spots() * w.input_stride();
    float* const stage = product + w.spots() * w.product_stride();
    const Task<M, R> work{{w, a, pixels / w.tile_tasks, tile0, least(w.tiles(), tile0 + w.tile_block), memory, product,
                           stage, stage + w.size() * w.run_columns() * L}};
    // The task before may have left the same tiles transformed.
    if (unit.first(w.k_tasks)) work.transform_tiles();
    work.run(k_task * w.k_blocks() / w.k_tasks * 2, least(w.k_vectors(), (k_task + 1) * w.k_blocks() / w.k_tasks * 2));
}

}  // namespace

template <class T>
void winograd_task(const WinogradPlan& w, const Args& a, const Unit& unit) {
    with_tile(w.m, w.taps(), [&]<int M, int R>() { run_task<M, R>(w, a, unit); });
}

template void winograd_task<float>(const WinogradPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
