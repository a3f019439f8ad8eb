#include "ways/direct.hpp"

#include "base/pool.hpp"
#include "simd/epilogue.hpp"
#include "ways/slab.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int max_k = vector_bytes == 64 ? 8 : 4;
constexpr int max_v = vector_bytes == 64 ? 8 : 6;

// Where a vector of a band's run of pixels goes: lanes from[0], from[1], ... to the band's outputs [at, at + count).
// Outputs past the vector's last pixel are for the vectors that follow to write again.
template <class T>
struct Place {
    Lanes<T> from;
    int64_t at, count;
    bool straight;  // lanes stay where they are, and it is cheaper to ask than to move them
};

// Where the register block goes: added to `tile` (stored there where `first`), and then, where `places` is not null,
// with the bias of its channels to `channels` planes of the output.
template <class T>
struct Sink {
    T* tile;
    bool first;
    const Place<T>* places;
    T* out;
    int64_t plane, channels;
    const T* bias;
    Limits<T> limits;
};

// sum over i of w[i][k] * x[off[i] + j], a block of KR channels by NV vectors held in registers.
template <class T, int KR, int NV>
void block(int64_t reds, const T* w, const T* x, const int64_t* off, const Sink<T>& sink) {
    constexpr int width = lanes<T>;
    constexpr auto all = steps<KR * NV>;
    Vec<T> acc[KR * NV] = {};
    for (int64_t i = 0; i < reds; ++i, w += KR) {
        const T* at = x + off[i];
        Vec<T> in[NV];
        [&]<int... J>(Steps<J...>) INLINE { ((in[J] = load<T>(at + J * width)), ...); }(steps<NV>);
        static_for<KR>([&](auto k) INLINE {
            const Vec<T> weight = broadcast<T>(w[k]);
            [&]<int... J>(Steps<J...>) INLINE { ((acc[k * NV + J] += weight * in[J]), ...); }(steps<NV>);
        });
    }
    [&]<int... I>(Steps<I...>) INLINE { (settle(acc[I]), ...); }(all);
    T* const tile = sink.tile;
    if (!sink.first) [&]<int... I>(Steps<I...>) INLINE { ((acc[I] = load<T>(tile + I * width) + acc[I]), ...); }(all);
    if (!sink.places) return [&]<int... I>(Steps<I...>) INLINE { (store<T>(tile + I * width, acc[I]), ...); }(all);
    static_for<KR>([&](auto k) INLINE {
        if (k >= sink.channels) return;
        const Vec<T> bias = broadcast<T>(sink.bias ? sink.bias[k] : T(0));
        T* const out = sink.out + k * sink.plane;
        static_for<NV>([&](auto j) INLINE {
            const Place<T>& place = sink.places[j];
            const Vec<T> done = sink.limits.clamp(acc[k * NV + j] + bias);
            store_first<T>(out + place.at, place.straight ? done : permute<T>(done, place.from), place.count);
        });
    });
}

template <class T>
using Block = void (*)(int64_t, const T*, const T*, const int64_t*, const Sink<T>&);

template <class T>
struct Blocks {
    Block<T> of[max_k][max_v] = {};
    constexpr Blocks() {
        static_for<max_k>([&](auto k) {
            static_for<direct_vectors(k + 1, vector_bytes == 64)>([&](auto v) { of[k][v] = block<T, k + 1, v + 1>; });
        });
    }
};
template <class T>
constexpr Blocks<T> blocks;

// Element offset of each (channel, tap) of the slab, in the order of the packed weights.
void fill_offsets(const DirectPlan& d, int64_t* off) {
    const Problem& p = d.p;
    const int64_t plane = d.slab_rows() * d.pitch;
    for (int64_t c = 0; c < d.c_block; ++c)
        for (int64_t r = 0; r < p.kh; ++r)
            for (int64_t s = 0; s < p.kw; ++s) {
                const int64_t phase = r % d.phases_y * d.phases_x + s % d.phases_x;
                const int64_t inside = r * p.dh / p.sh * d.pitch + s * p.dw / p.sw;
                *off++ = d.in_place ? c * p.h * p.w : (c * d.phases_y * d.phases_x + phase) * plane + inside;
            }
}

// Walks the vectors of a band's run, and finds their places among the band's outputs, which have no columns between
// rows.
template <class T>
struct Walk {
    int64_t ow, pitch, outputs, row = 0, column = 0;

    Place<T> next() {
        Place<T> place;
        place.at = row * ow + least(column, ow);
        place.count = least<int64_t>(lanes<T>, outputs - place.at);
        place.straight = ow == pitch || (vector_bytes == 16 && column + lanes<T> <= ow);
        Lanes<T> steps;
        for (int i = 0; i < lanes<T>; ++i) steps[i] = Lane<T>(i);
        place.from = column < ow ? steps : steps + Lane<T>(pitch - column);
        for (int64_t end = column < ow ? ow - column : ow; end < lanes<T>; end += ow)
            place.from += (steps >= Lane<T>(end)) & Lane<T>(pitch - ow);
        for (column += lanes<T>; column >= pitch; column -= pitch) ++row;
        return place;
    }
};

template <class T>
void sum_chains(const DirectPlan& d, Block<T> sum, int64_t channels, const T* w, const T* in, const int64_t* off,
                Sink<T> sink) {
    const int64_t reds = channels * d.p.taps(), span = d.chain_channels() * d.p.taps(), chain = d.chain();
    const Place<T>* const places = sink.places;
    for (int64_t from = 0; from < reds; from += span) {
        const int64_t stop = least(reds, from + span);
        for (int64_t i = from; i < stop; i += chain, sink.first = false) {
            sink.places = i + chain >= reds ? places : nullptr;
            sum(least(chain, stop - i), w + i * d.k_block, in, off + i, sink);
        }
    }
}

}  // namespace

template <class T>
void direct_task(const DirectPlan& d, const Args& a, const Unit& unit) {
    const Problem& p = d.p;
    const int64_t k_task = unit.task % d.k_tasks, band = unit.task / d.k_tasks % d.bands;
    const int64_t group_task = unit.task / (d.k_tasks * d.bands) % d.group_tasks;
    const int64_t image = unit.task / (d.k_tasks * d.bands * d.group_tasks);
    const int64_t y0 = band * d.rows, rows = least(d.rows, p.oh - y0);
    const int64_t kb0 = k_task * d.k_blocks / d.k_tasks, kb1 = (k_task + 1) * d.k_blocks / d.k_tasks;
    const int64_t cg = p.group_c(), kg = p.group_k(), taps = p.taps();
    const int64_t pixels = d.band_pixels(rows), vectors = ceil_div(pixels, lanes<T>);
    const int64_t pixel_blocks = ceil_div(vectors, d.vectors);
    const bool dense = d.pitch == p.ow;  // no columns to drop

    T* const slab = static_cast<T*>(unit.memory);
    char* const tables = static_cast<char*>(unit.memory) + aligned(size_t(d.slab_elements()) * sizeof(T));
    int64_t* const off = reinterpret_cast<int64_t*>(tables);
    T* const sums = reinterpret_cast<T*>(tables + aligned(size_t(d.c_block * taps) * sizeof(int64_t)));
    fill_offsets(d, off);

    const Limits<T> limits(a.activation);
    const int64_t g1 = least(p.groups, (group_task + 1) * d.group_block);
    for (int64_t g = group_task * d.group_block; g < g1; ++g) {
        const T* x = static_cast<const T*>(a.x) + (image * p.c + g * cg) * p.h * p.w;
        T* out = static_cast<T*>(a.out) + ((image * p.k + g * kg) * p.oh + y0) * p.ow;
        const T* packed = static_cast<const T*>(a.packed) + g * d.k_blocks * d.k_block * cg * taps;
        const T* bias = a.bias ? static_cast<const T*>(a.bias) + g * kg : nullptr;
        for (int64_t c = 0; c < cg; c += d.c_block) {
            const int64_t channels = least(d.c_block, cg - c);
            const bool last = c + channels == cg;
            if (!d.in_place) fill_slab<T>(d, x + c * p.h * p.w, channels, y0, rows, slab);
            const T* in = d.in_place ? x + c * p.h * p.w + y0 * d.pitch : slab;
            Sink<T> sink{sums, c == 0, nullptr, nullptr, p.oh * p.ow, 0, nullptr, limits};
            for (int64_t kb = kb0; kb < kb1; ++kb) {
                const T* w = packed + (kb * cg + c) * taps * d.k_block;
                const int64_t k0 = kb * d.k_block;
                sink.out = out + k0 * p.oh * p.ow;
                sink.channels = least(d.k_block, kg - k0);
                sink.bias = bias ? bias + k0 : nullptr;
                // A dense run is walked as one row.
                Walk<T> walk{dense ? pixels : p.ow, dense ? pixels : d.pitch, rows * p.ow};
                for (int64_t b = 0; b < pixel_blocks; ++b) {
                    const int64_t v0 = b * vectors / pixel_blocks, nv = (b + 1) * vectors / pixel_blocks - v0;
                    // Reading x itself, the last block moves back, so that its reads end with the pixels.
                    const int64_t first = v0 * lanes<T>,
                                  start = d.in_place ? least(first, pixels - nv * lanes<T>) : first;
                    if (dense) walk.column = start;
                    Place<T> places[max_v];
                    for (int64_t v = 0; v < nv; ++v) places[v] = walk.next();
                    sink.places = last ? places : nullptr;
                    sum_chains<T>(d, blocks<T>.of[d.k_block - 1][nv - 1], channels, w, in + start, off, sink);
                    if (d.split_c()) sink.tile += d.tile_elements();
                }
            }
        }
    }
}

template void direct_task<float>(const DirectPlan&, const Args&, const Unit&);
template void direct_task<double>(const DirectPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
