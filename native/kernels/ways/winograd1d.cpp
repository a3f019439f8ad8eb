#include "ways/winograd1d.hpp"

#include "base/pool.hpp"
#include "simd/epilogue.hpp"
#include "simd/rows.hpp"
#include "simd/toom_transform.hpp"
#include "simd/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
constexpr int M = Winograd1dPlan::m;
using V = Vec<float>;

template <int Size>
using RowTransform = Transform<M, Size - M + 1>;

// v[j] lane t becomes element M * t + j of the four vectors in a row, and back.
[[gnu::always_inline]] inline void interleave_four(V (&v)[M]) {
    const V a = interleave<0, float>(v[0], v[2]), b = interleave<1, float>(v[0], v[2]);
    const V c = interleave<0, float>(v[1], v[3]), d = interleave<1, float>(v[1], v[3]);
    v[0] = interleave<0, float>(a, c);
    v[1] = interleave<1, float>(a, c);
    v[2] = interleave<0, float>(b, d);
    v[3] = interleave<1, float>(b, d);
}
[[gnu::always_inline]] inline void separate_four(V (&v)[M]) {
    const V a = even_lanes<float>(v[0], v[1]), b = even_lanes<float>(v[2], v[3]);
    const V c = odd_lanes<float>(v[0], v[1]), d = odd_lanes<float>(v[2], v[3]);
    v[0] = even_lanes<float>(a, b);
    v[1] = even_lanes<float>(c, d);
    v[2] = odd_lanes<float>(a, b);
    v[3] = odd_lanes<float>(c, d);
}

// A vector of tiles: where its first tile lies in the band, how many count, and how many outputs they make in one run;
// 0 where these make several.
struct Place {
    int64_t row, tile, count, run;
};

// Where the outputs of a register block go: the first `run` of them to `out`, channels `plane` apart.
struct Sink {
    float* out;
    int64_t plane;
    int64_t channels;
    const float* bias;
    Limits<float> limits;
    int64_t run;
    bool stream;
};

// The first `run` elements.
[[gnu::always_inline]] inline void put(float* out, const V (&v)[M], int64_t run, bool stream) {
    static_for<M>([&](auto j) INLINE {
        const int64_t left = run - j * L;
        if (left >= L && stream) store_streaming<float>(out + j * L, v[j]);
        else if (left >= L) store<float>(out + j * L, v[j]);
        else if (left > 0) store_part<float>(out + j * L, v[j], left);
    });
}

// Sums of w[term][point][k] * x[off[term] + point * stride + tile] over a chain of terms, added to `sums` (stored there
// where `first`); with the last chain transformed back and put away.
template <int Size, int KR>
void block(int64_t terms, const float* w, const float* x, const int64_t* off, int64_t stride, float* sums, bool first,
           bool last, const Sink& sink) {
    V acc[KR][Size];
    static_for<KR * Size>([&](auto i) INLINE { acc[i / Size][i % Size] = V{}; });
    for (int64_t i = 0; i < terms; ++i, w += KR * Size) {
        const float* at = x + off[i];
        static_for<Size>([&](auto s) INLINE {
            V in = load<float>(at + s * stride);
            settle(in);
            [&]<int... K>(Steps<K...>) INLINE { ((acc[K][s] += broadcast(w[s * KR + K]) * in), ...); }(steps<KR>);
        });
    }
    static_for<KR * Size>([&](auto i) INLINE { settle(acc[i / Size][i % Size]); });
    if (!first) static_for<KR * Size>([&](auto i) INLINE { acc[i / Size][i % Size] += load<float>(sums + i * L); });
    if (!last)
        return static_for<KR * Size>([&](auto i) INLINE { store<float>(sums + i * L, acc[i / Size][i % Size]); });
    static_for<KR>([&](auto k) INLINE {
        if (k >= sink.channels) return;
        V v[M];
        RowTransform<Size>::output([&](int i) INLINE { return acc[k][i]; },
                                   [&](int j, V value) INLINE { v[j] = value; });
        const V bias = broadcast(sink.bias ? sink.bias[k] : 0.0f);
        for (V& value : v) value = sink.limits.clamp(value + bias);
        interleave_four(v);
        put(sink.out + k * sink.plane, v, sink.run, sink.stream);
    });
}

template <int Size>
struct Blocks {
    static constexpr int most_k = int(winograd1d_channels(Size, vector_bytes == 64));
    decltype(&block<Size, 1>) of[most_k];
    constexpr Blocks() : of{} {
        static_for<most_k>([&](auto k) { of[k] = block<Size, k + 1>; });
    }
};
template <int Size>
constexpr Blocks<Size> blocks;

template <int Size>
struct Task {
    const Winograd1dPlan& d;
    const Args& a;
    int64_t image, group, y0, rows;
    float *input, *line, *line_out, *sums;
    int64_t* off;

    // Four vectors' worth of the phase's row from tile i * L on, one tile per lane.
    [[gnu::always_inline]] void load_tiles(const float* row, int64_t left, int64_t i, V (&v)[M]) const {
        const int64_t at = left + i * M * L;
        const float* from = line + i * M * L;
        if (d.p.sw == 1 && row && at >= 0 && at + M * L <= d.p.w) from = row + at;
        else if (d.p.sw == 1) copy_row<float>(line + i * M * L, row, d.p.w, at, 1, M * L);
        for (int j = 0; j < M; ++j) v[j] = load<float>(from + j * L);
        separate_four(v);
    }

    // The transforms of one row of a phase, `tiles_x` tiles and garbage up to a whole vector. Adds to `large` what is
    // zero for numbers that neither are nor may become infinite.
    void transform_row(const float* row, int64_t left, float* to, V& large) const {
        const int64_t vectors = d.row_vectors(), stride = d.point_stride();
        if (d.p.sw != 1) copy_row<float>(line, row, d.p.w, left, d.p.sw, d.line_elements());
        V now[M], next[M], bad{};
        load_tiles(row, left, 0, now);
        for (int64_t i = 0; i < vectors; ++i, to += d.vector_stride()) {
            load_tiles(row, left, i + 1, next);
            V in[Size];
            for (int j = 0; j < M; ++j) in[j] = now[j];
            for (int j = M; j < Size; ++j) in[j] = shifted<1, float>(now[j - M], next[j - M]);
            const auto of_tile = [&](int j) INLINE { return in[j]; };
            RowTransform<Size>::input(of_tile, [&](int s, V v) INLINE {
                bad += v * 1e13f * 0.0f;
                store<float>(to + s * stride, v);
            });
            for (int j = 0; j < M; ++j) now[j] = next[j];
        }
        large += bad;
    }

    // False where the sums may come out non-finite.
    bool transform_input() const {
        const Problem& p = d.p;
        const float* x = static_cast<const float*>(a.x) + (image * p.c + group * p.group_c()) * p.h * p.w;
        float* to = input;
        V large{};
        for (int64_t c = 0; c < p.group_c(); ++c)
            for (int64_t px = 0; px < d.phases_x; ++px)
                for (int64_t py = 0; py < d.phases_y; ++py, to += d.line_stride()) {
                    const int64_t last_tap = py + (p.kh - 1 - py) / d.phases_y * d.phases_y,
                                  count = rows + last_tap * p.dh / p.sh;
                    for (int64_t i = 0; i < count; ++i) {
                        const int64_t y = (y0 + i) * p.sh + py * p.dh % p.sh - p.pad_top;
                        const float* row = y >= 0 && y < p.h ? x + (c * p.h + y) * p.w : nullptr;
                        transform_row(row, px * d.step - p.pad_left, to + i * d.row_stride(), large);
                    }
                    // The last vector of tiles may span more than the rows.
                    for (int s = 0; d.spanning && s < Size; ++s)
                        store<float>(to + s * d.point_stride() + count * d.row_stride(), V{});
                }
        bool tame = true;
        for (int i = 0; i < L; ++i) tame = tame && large[i] == 0.0f;
        return tame;
    }

    void fill_offsets() const {
        const Problem& p = d.p;
        int64_t* to = off;
        for (int64_t line_x = 0; line_x < p.group_c() * d.phases_x; ++line_x)
            for (int64_t r = 0; r < p.kh; ++r)
                *to++ = (line_x * d.phases_y + r % d.phases_y) * d.line_stride() + r * p.dh / p.sh * d.row_stride();
    }

    Place place(int64_t v) const {
        const int64_t first = d.spanning ? v * L : v / d.row_vectors() * d.tiles_x + v % d.row_vectors() * L;
        const int64_t row = first / d.tiles_x, tile = first % d.tiles_x;
        const int64_t count = least<int64_t>(L, d.spanning ? rows * d.tiles_x - first : d.tiles_x - tile);
        const bool one_row = tile + count <= d.tiles_x, gapless = d.tiles_x * M == d.p.ow;
        return {row, tile, count, gapless ? count * M : one_row ? least(count * M, d.p.ow - tile * M) : 0};
    }

    // Outputs of a vector of tiles, which lie in `from`, without those past the rows' ends.
    void put_rows(float* out, const float* from, const Place& at) const {
        int64_t row = at.row, tile = at.tile;
        for (int64_t i = 0; i < at.count; ++row, tile = 0) {
            const int64_t tiles = least(at.count - i, d.tiles_x - tile), valid = least(tiles * M, d.p.ow - tile * M);
            copy_row<float>(out + row * d.p.ow + tile * M, from + i * M, valid, 0, 1, valid);
            i += tiles;
        }
    }

    void multiply() const {
        const Problem& p = d.p;
        const int64_t kg = p.group_k(), plane = p.oh * p.ow, vectors = d.band_vectors(rows), all = d.terms(),
                      turn = d.turn();
        const float* packed = static_cast<const float*>(a.packed) + group * d.weight_elements();
        const float* bias = a.bias ? static_cast<const float*>(a.bias) + group * kg : nullptr;
        float* out = static_cast<float*>(a.out) + (image * p.k + group * kg) * plane + y0 * p.ow;
        const bool stream = d.stream && uintptr_t(out) % vector_bytes == 0;
        const Limits<float> limits(a.activation);
        const auto multiply_one = blocks<Size>.of[d.k_block - 1];
        Place places[Winograd1dPlan::most_in_turn];
        for (int64_t start = 0; start < vectors; start += turn) {
            const int64_t in_turn = least(turn, vectors - start);
            for (int64_t v = 0; v < in_turn; ++v) places[v] = place(start + v);
            // A chain's tiles stay in the first cache while all output channels pass.
            for (int64_t from = 0; from < all; from += Winograd1dPlan::chain) {
                const int64_t terms = least(Winograd1dPlan::chain, all - from);
                const bool last = from + terms == all;
                for (int64_t kb = 0; kb < d.k_blocks; ++kb) {
                    const int64_t k = kb * d.k_block, channels = least(d.k_block, kg - k);
                    const float* w = packed + (k * all + d.k_block * from) * Size;
                    float* const block_sums = sums + (terms < all ? k * Size * L : 0);
                    for (int64_t v = 0; v < in_turn; ++v) {
                        const Place& at = places[v];
                        const bool one_run = at.run > 0;
                        const Sink sink{one_run ? out + k * plane + at.row * p.ow + at.tile * M : line_out,
                                        one_run ? plane : M * L,
                                        channels,
                                        bias ? bias + k : nullptr,
                                        limits,
                                        one_run ? at.run : M * L,
                                        stream && one_run};
                        multiply_one(terms, w, input + (start + v) * d.vector_stride(), off + from, d.point_stride(),
                                     block_sums, from == 0, last, sink);
                        for (int64_t i = 0; last && !one_run && i < channels; ++i)
                            put_rows(out + (k + i) * plane, line_out + i * M * L, at);
                    }
                }
            }
        }
        if (stream) streaming_done();
    }

    void run() const {
        fill_offsets();
        const bool large_weights = static_cast<const float*>(a.packed)[d.p.groups * d.weight_elements()] != 0.0f;
        if (large_weights || !transform_input()) return a.spoil();
        multiply();
    }
};

template <int Size>
void run_task(const Winograd1dPlan& d, const Args& a, int64_t task, float* memory) {
    const int64_t band = task % d.bands, group = task / d.bands % d.p.groups, y0 = band * d.rows;
    float* const line = memory + d.input_elements();
    float* const line_out = line + d.line_elements();
    float* const sums = line_out + d.line_out_elements();
    char* const tables =
        reinterpret_cast<char*>(memory) + aligned(size_t(sums + d.sum_elements() - memory) * sizeof(float));
    const Task<Size> work{
        d,        a,    task / (d.bands * d.p.groups),     group, y0, least(d.rows, d.p.oh - y0), memory, line,
        line_out, sums, reinterpret_cast<int64_t*>(tables)};
    work.run();
}

}  // namespace

template <class T>
void winograd1d_task(const Winograd1dPlan& d, const Args& a, const Unit& unit) {
    float* const at = static_cast<float*>(unit.memory);
    switch (d.size()) {
        case 5: return run_task<5>(d, a, unit.task, at);
        case 6: return run_task<6>(d, a, unit.task, at);
        case 7: return run_task<7>(d, a, unit.task, at);
        case 8: return run_task<8>(d, a, unit.task, at);
    }
}

template void winograd1d_task<float>(const Winograd1dPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
