// The weights of Winograd's way: U = G g GT of every filter, in double, rounded once; output channels in the lanes.
#include "ways/winograd.hpp"

#include "base/pool.hpp"
#include "simd/simd.hpp"
#include "simd/toom.hpp"
#include "simd/transpose.hpp"
#include "ways/turned.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>, half = L / 2;
using V = Vec<float>;
using Double = Vec<double>;
typedef float HalfVec __attribute__((vector_size(vector_bytes / 2)));

Double widened(const float* p) {
    HalfVec v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, Double);
}

// to[offset[spot]] = (G g GT)[spot] for half a vector of filters; g(r, s) is a tap of theirs.
template <int M, int R, class Tap>
void transform(const Tap& g, const int64_t* offset, float* to) {
    constexpr Toom<M, R> t;
    constexpr int size = Toom<M, R>::size;
    Double rows[size][R];
    for (int s = 0; s < R; ++s) {
        Double column[R];
        for (int r = 0; r < R; ++r) column[r] = g(r, s);
        static_for<size>([&](auto i) INLINE {
            Double sum{};
            static_for<R>([&](auto r) INLINE { sum += t.g[i][r] * column[r]; });
            rows[i][s] = sum;
        });
    }
    for (int i = 0; i < size; ++i)
        static_for<size>([&](auto j) INLINE {
            const int64_t at = offset[i * size + j];
            if (at < 0) return;
            Double sum{};
            static_for<R>([&](auto s) INLINE { sum += t.g[j][s] * rows[i][s]; });
            const HalfVec rounded = __builtin_convertvector(sum, HalfVec);
            __builtin_memcpy(to + at, &rounded, sizeof rounded);
        });
}

// Where a group's weights lie: a filter's taps of one channel in `count` neighbouring numbers, tap (r, s) at
// `first + r * row + s * column` of them.
struct Source {
    const float* data;
    int64_t filter, channel;  // from one to the next
    int64_t count, first, row, column;
};

Source source_of(const Problem& p, const Args& a, int64_t group) {
    const float* const data = static_cast<const float*>(a.x);
    const int64_t cg = p.group_c(), filters = p.group_k();
    if (!a.packed) return {data + group * filters * cg * p.taps(), cg * p.taps(), p.taps(), p.taps(), 0, p.kw, 1};
    const Turned& turned = *static_cast<const Turned*>(a.packed);
    const int64_t count = turned.height * turned.width;
    const float* const from = data + group * cg * filters * count;
    return {from,
            count,
            filters * count,
            count,
            turned.tap<float>(p, group * cg, 0, 0) - from,
            -turned.row_step * turned.width,
            -turned.column_step};
}

}  // namespace

// Task: a block of two channel vectors of a group. Packed as (group, block, spot, phase, c, k inside the block): some
// channels at a time, so that runs of whole cache lines are written, with the next asked for. `a.x` holds the weights,
// turned as `a.packed` says where that is not null.
template <class T>
void winograd_pack_task(const WinogradPlan& w, const Args& a, const Unit& unit) {
    const Problem& p = w.p;
    const int64_t group = unit.task / w.k_blocks(), block = unit.task % w.k_blocks(), cg = p.group_c();
    const int64_t vectors = least<int64_t>(2, w.k_vectors() - 2 * block), width = vectors * L;
    const Source source = source_of(p, a, group);
    const int64_t pitch = w.pack_channels() * source.count + L, run = w.pack_channels() * width;
    float* const lines = static_cast<float*>(unit.memory);
    float* const taps = lines + L * pitch;
    float* const room = taps + L * pitch;
    float* const to = static_cast<float*>(a.out) + group * w.weight_elements() + block * 2 * L * w.products() * cg;
    int64_t offset[4][49];
    int64_t products = 0;
    for (int64_t spot = 0; spot < w.spots(); ++spot)
        for (int64_t phase = 0; phase < w.phases(); ++phase)
            offset[phase][spot] = w.contributes(phase, spot) ? run * products++ : -1;
    for (int64_t c0 = 0; c0 < cg; c0 += w.pack_channels()) {
        const int64_t channels = least(w.pack_channels(), cg - c0);
        for (int64_t v = 0; v < vectors; ++v) {
            const int64_t k0 = (2 * block + v) * L;
            for (int64_t c = 0; c < channels; ++c)
                for (int64_t k = 0; k < L; ++k) {
                    const float* const from = source.data + (k0 + k) * source.filter + (c0 + c) * source.channel;
                    float* const line = lines + k * pitch + c * source.count;
                    for (int64_t j = 0; j < source.count; j += L) {
                        __builtin_prefetch(from + j + w.pack_channels() * source.channel);
                        store<float>(line + j, k0 + k >= p.group_k()   ? V{}
                                               : j + L <= source.count ? load<float>(from + j)
                                                                       : load_part<float>(from + j, source.count - j));
                    }
                }
            transpose_rows<float>(lines, pitch, channels * source.count, taps);
            for (int64_t c = 0; c < channels; ++c)
                for (int64_t phase = 0; phase < w.phases(); ++phase)
                    for (int side = 0; side < 2; ++side) {
                        const float* const first = taps + (c * source.count + source.first) * L + side * half;
                        const auto tap = [&](int64_t i, int64_t j) {
                            const int64_t r = (i - w.short_y(phase) * w.moved()) * w.stride + phase / w.stride;
                            const int64_t s = (j - w.short_x(phase) * w.moved()) * w.stride + phase % w.stride;
                            const bool inside = r >= 0 && r < p.kh && s >= 0 && s < p.kw;
                            return inside ? widened(first + (r * source.row + s * source.column) * L) : Double{};
                        };
                        with_tile(w.m, w.taps(), [&]<int M, int R>() {
                            transform<M, R>(tap, offset[phase], room + c * width + v * L + side * half);
                        });
                    }
        }
        for (int64_t i = 0; i < products; ++i)
            for (int64_t j = 0; j < channels * width; j += L)
                store<float>(to + (i * cg + c0) * width + j, load<float>(room + i * run + j));
    }
}

template void winograd_pack_task<float>(const WinogradPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
