#include "depthwise.hpp"

#include "epilogue.hpp"
#include "rows.hpp"
#include "transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// The range of an activation. NaN passes through.
template <class T>
struct Limits {
    T low, high;
    explicit Limits(Activation activation)
        : low(activation == Activation::none ? -T(__builtin_inf()) : T(0)),
          high(activation == Activation::relu6 ? T(6) : T(__builtin_inf())) {}
    Vec<T> clamp(Vec<T> v) const {
        const Vec<T> least = broadcast(low), most = broadcast(high);
        v = v < least ? least : v;
        return v > most ? most : v;
    }
};

// One output channel: the map it sees, its weights and its outputs.
template <class T>
struct Channel {
    const T* x;
    int64_t h, w, top, left;
    const T* weight;
    T bias;
    Limits<T> limits;
    T* out;
    int64_t ow;
};

// ROWS output rows from `y` on, VECTORS vectors of columns from `x` on. An input row is loaded once and serves every
// output row that reads it; rows outside the map are left out.
template <class T, int K, int S, int ROWS, int VECTORS>
void register_block(const Channel<T>& c, int64_t y, int64_t x) {
    constexpr int width = lanes<T>, loads = ((VECTORS * width - 1) * S + K + width - 1) / width, parts = loads / S + 1;
    const int64_t from = x * S - c.left;
    Span<T> spans[loads];
    for (int i = 0; i < loads; ++i) spans[i] = span_inside<T>(from + i * width, c.w);
    Vec<T> acc[ROWS][VECTORS];
    for (auto& row : acc)
        for (Vec<T>& v : row) v = broadcast(c.bias);
    static_for<(ROWS - 1) * S + K>([&](auto i) __attribute__((always_inline)) {
        const int64_t at = y * S - c.top + i;
        if (at < 0 || at >= c.h) return;
        const T* const row = c.x + at * c.w + from;
        Vec<T> read[loads + 1], part[S][parts + 1];
        for (int j = 0; j < loads; ++j) read[j] = load_span<T>(row + j * width, spans[j]);
        read[loads] = Vec<T>{};
        static_for<parts + 1>([&](auto j) __attribute__((always_inline)) {
            const Vec<T> a = read[least(S * j, loads)], b = read[least(S * j + 1, loads)];
            if constexpr (S == 1) {
                part[0][j] = a;
            } else {
                part[0][j] = even_lanes<T>(a, b);
                part[1][j] = odd_lanes<T>(a, b);
            }
        });
        static_for<K>([&](auto s) __attribute__((always_inline)) {
            static_for<VECTORS>([&](auto v) __attribute__((always_inline)) {
                constexpr int first = v + s / S / width;
                const Vec<T> in = shifted<s / S % width, T>(part[s % S][first], part[s % S][first + 1]);
                static_for<ROWS>([&](auto j) __attribute__((always_inline)) {
                    constexpr int r = i - j * S;
                    if constexpr (r >= 0 && r < K) acc[j][v] += broadcast(c.weight[r * K + s]) * in;
                });
            });
        });
    });
    for (auto& row : acc)
        for (Vec<T>& v : row) keep<T>(v);
    for (int j = 0; j < ROWS; ++j)
        for (int i = 0; i < VECTORS; ++i) {
            const Vec<T> v = c.limits.clamp(acc[j][i]);
            const int64_t column = x + i * width;
            T* const to = c.out + (y + j) * c.ow + column;
            if (column + width <= c.ow) store<T>(to, v);
            else store_part<T>(to, v, c.ow - column);
        }
}

template <class T, int K, int S, int ROWS>
void block_row(const Channel<T>& c, int64_t y) {
    int64_t x = 0;
    if constexpr (vector_bytes == 64)
        for (; x + lanes<T> < c.ow; x += 2 * lanes<T>) register_block<T, K, S, ROWS, 2>(c, y, x);
    for (; x < c.ow; x += lanes<T>) register_block<T, K, S, ROWS, 1>(c, y, x);
}

template <class T, int K, int S>
void band(const Channel<T>& c, int64_t y, int64_t stop) {
    constexpr int64_t most = DepthwisePlan::row_block;
    for (; y + most <= stop; y += most) block_row<T, K, S, most>(c, y);
    for (; y + 4 <= stop; y += 4) block_row<T, K, S, 4>(c, y);
    for (; y + 2 <= stop; y += 2) block_row<T, K, S, 2>(c, y);
    for (; y < stop; ++y) block_row<T, K, S, 1>(c, y);
}

template <class T>
auto band_for(int64_t kernel, int64_t stride) {
    if (stride == 1) return kernel == 3 ? band<T, 3, 1> : kernel == 5 ? band<T, 5, 1> : band<T, 7, 1>;
    return kernel == 3 ? band<T, 3, 2> : kernel == 5 ? band<T, 5, 2> : band<T, 7, 2>;
}

template <class T>
void by_rows(const DepthwisePlan& d, const Args& a, int64_t image, int64_t first, int64_t y) {
    const Problem& p = d.p;
    const auto compute = band_for<T>(p.kh, p.sh);
    for (int64_t k = first * p.group_k(); k < least(p.c, first + d.block) * p.group_k(); ++k) {
        const int64_t c = k / p.group_k();
        const Channel<T> channel{static_cast<const T*>(a.x) + (image * p.c + c) * p.h * p.w, p.h, p.w, p.pad_top, p.pad_left,
                                 static_cast<const T*>(a.packed) + k * p.taps(), a.bias ? static_cast<const T*>(a.bias)[k] : T(0),
                                 Limits<T>(a.activation),
                                 static_cast<T*>(a.out) + (image * p.k + k) * p.oh * p.ow, p.ow};
        compute(channel, y, least(p.oh, y + d.rows));
    }
}

// `lanes` output channels: pixels and outputs a vector each, weights a vector per tap.
template <class T>
struct Channels {
    const DepthwisePlan& d;
    const T* map;
    const T* weight;
    Vec<T> bias;
    Limits<T> limits;
    T* out;
    int32_t tap[2 * DepthwisePlan::widest_map - 1];  // offset of the weight that joins input column j + i - (W - 1) to output j, or -1
};

// Maps of W columns. A row of outputs stays in registers; each row of the map meets it once, one weight at a time.
template <class T, int W>
void map_of(const Channels<T>& c) {
    constexpr int width = lanes<T>;
    const Problem& p = c.d.p;
    const int64_t chain = c.d.chain_rows();
    for (int64_t y = 0; y < p.oh; ++y) {
        const int64_t top = y - p.pad_top;
        const int64_t first = top < 0 ? ceil_div(-top, p.dh) : 0, stop = least(p.kh, p.h > top ? ceil_div(p.h - top, p.dh) : 0);
        T* const to = c.out + y * W * width;
        bool last = false;
        for (int64_t begin = first; !last; begin += chain) {
            last = begin + chain >= stop;
            Vec<T> acc[W] = {};
            for (int64_t r = begin; r < least(stop, begin + chain); ++r) {
                const T* const row = c.map + (top + r * p.dh) * W * width;
                const T* const weight = c.weight + r * p.kw * width;
                static_for<2 * W - 1>([&](auto i) __attribute__((always_inline)) {
                    if (c.tap[i] < 0) return;
                    const Vec<T> w = load<T>(weight + c.tap[i]);
                    static_for<W>([&](auto j) __attribute__((always_inline)) {
                        constexpr int from = j + i - (W - 1);
                        if constexpr (from >= 0 && from < W) acc[j] += load<T>(row + from * width) * w;
                    });
                });
            }
            for (int j = 0; j < W; ++j) {
                const Vec<T> v = acc[j] + (begin == first ? c.bias : load<T>(to + j * width));
                store<T>(to + j * width, last ? c.limits.clamp(v) : v);
            }
        }
    }
}

template <class T>
void map_for(const Channels<T>& c) {
    static_for<DepthwisePlan::widest_map>([&](auto w) __attribute__((always_inline)) {
        if (c.d.p.w == w + 1) map_of<T, w + 1>(c);
    });
}

// The maps of channels `from`[0, lanes), `count` pixels each, to a vector per pixel.
template <class T>
void gather(const T* const* from, int64_t count, T* to) {
    constexpr int width = lanes<T>;
    for (int64_t q = 0; q < count; q += width) {
        Vec<T> v[width];
        for (int i = 0; i < width; ++i) v[i] = q + width <= count ? load<T>(from[i] + q) : load_part<T>(from[i] + q, count - q);
        transpose<T>(v);
        for (int i = 0; i < width; ++i) store<T>(to + (q + i) * width, v[i]);
    }
}

// A vector per output back to `channels` maps of `count` outputs each.
template <class T>
void scatter(const T* from, int64_t count, int64_t channels, T* to) {
    constexpr int width = lanes<T>;
    for (int64_t q = 0; q < count; q += width) {
        Vec<T> v[width];
        for (int i = 0; i < width; ++i) v[i] = load<T>(from + (q + i) * width);
        transpose<T>(v);
        for (int i = 0; i < width; ++i) {
            if (i >= channels) break;
            if (q + width <= count) store<T>(to + i * count + q, v[i]);
            else store_part<T>(to + i * count + q, v[i], count - q);
        }
    }
}

template <class T>
void by_channels(const DepthwisePlan& d, const Args& a, int64_t image, int64_t first, void* memory) {
    constexpr int width = lanes<T>;
    const Problem& p = d.p;
    T* const map = static_cast<T*>(memory);
    Channels<T> work{d, map, nullptr, {}, Limits<T>(a.activation), map + d.map_elements(), {}};
    for (int64_t i = 0; i < 2 * p.w - 1; ++i) {
        const int64_t offset = i - (p.w - 1) + p.pad_left, s = offset / p.dw;
        work.tap[i] = offset >= 0 && offset % p.dw == 0 && s < p.kw ? int32_t(s * width) : -1;
    }
    for (int64_t group = first; group < least(d.lane_groups(), first + d.block); ++group) {
        const int64_t k = group * width, channels = least<int64_t>(width, p.k - k);
        const T* from[width];
        for (int i = 0; i < width; ++i)
            from[i] = static_cast<const T*>(a.x) + (image * p.c + least(k + i, p.k - 1) / p.group_k()) * p.h * p.w;
        gather<T>(from, p.h * p.w, map);
        work.weight = static_cast<const T*>(a.packed) + group * p.taps() * width;
        work.bias = a.bias ? load_span<T>(static_cast<const T*>(a.bias) + k, span_inside<T>(0, channels)) : Vec<T>{};
        map_for<T>(work);
        scatter<T>(work.out, p.oh * p.ow, channels, static_cast<T*>(a.out) + (image * p.k + k) * p.oh * p.ow);
    }
}

}  // namespace

template <class T>
void depthwise_task(const DepthwisePlan& d, const Args& a, int64_t task, void* memory) {
    const int64_t y = task % d.bands * d.rows, first = task / d.bands % d.blocks * d.block, image = task / (d.bands * d.blocks);
    if (d.by_channel) by_channels<T>(d, a, image, first, memory);
    else by_rows<T>(d, a, image, first, y);
}

template void depthwise_task<float>(const DepthwisePlan&, const Args&, int64_t, void*);
template void depthwise_task<double>(const DepthwisePlan&, const Args&, int64_t, void*);

}  // namespace striate::STRIATE_TARGET
