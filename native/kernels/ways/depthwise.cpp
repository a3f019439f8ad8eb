#include "ways/depthwise.hpp"

#include "base/pool.hpp"
#include "simd/epilogue.hpp"
#include "simd/rows.hpp"
#include "simd/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// One image of a call by rows.
template <class T>
struct Image {
    const Problem& p;
    const T *x, *weight, *bias;  // bias may be null
    T* out;
    Limits<T> limits;
};

// A part of the output: VECTORS vectors of columns from `x` on, rows [y, stop), of output channels [first, last).
struct Strip {
    int64_t x, y, stop, first, last;
};

// The sums of the rows that overlap slide through registers: step t reads input rows S * t - pad_top + [0, S) once,
// adds them to sum q at kernel rows S * q + [0, S), and finishes the last sum, which is output row t - (overlap - 1).
template <class T, int K, int S, int VECTORS>
void compute(const Image<T>& image, const Strip& strip) {
    constexpr int width = lanes<T>, overlap = (K + S - 1) / S,
                  loads = ((VECTORS * width - 1) * S + K + width - 1) / width;
    const int64_t h = image.p.h, w = image.p.w, oh = image.p.oh, ow = image.p.ow, top = image.p.pad_top;
    const int64_t from = strip.x * S - image.p.pad_left, y = strip.y, begin = y + overlap - 1,
                  end = strip.stop + overlap - 1;
    const int64_t last_count = least<int64_t>(width, ow - strip.x - (VECTORS - 1) * width);
    Span<T> spans[loads];
    static_for<loads>([&](auto i) { spans[i] = span_inside<T>(from + i * width, w); });
    for (int64_t k = strip.first; k < strip.last; ++k) {
        const T* const weights = image.weight + k * K * K;
        Vec<T> sum[overlap][VECTORS], weight[K][K];
        static_for<K * K>([&](auto i) INLINE { weight[i / K][i % K] = broadcast(weights[i]); });
        const Vec<T> bias = broadcast(image.bias ? image.bias[k] : T(0));
        static_for<overlap * VECTORS>([&](auto i) INLINE { sum[i / VECTORS][i % VECTORS] = bias; });
        const T* row = image.x + k / image.p.group_k() * h * w + (y * S - top) * w + from;
        T* to = image.out + (k * oh + y - (overlap - 1)) * ow + strip.x;

        for (int64_t t = y; t < end; ++t) {
            static_for<S>([&](auto phase) INLINE {
                const int64_t at = t * S - top + phase;
                if (uint64_t(at) >= uint64_t(h)) return;
                Vec<T> read[loads + 1], part[S][loads / S + 2];
                static_for<loads>(
                    [&](auto j) INLINE { read[j] = load_span<T>(row + phase * w + j * width, spans[j]); });
                read[loads] = Vec<T>{};
                static_for<loads / S + 2>([&](auto j) INLINE {
                    const Vec<T> a = read[least(S * j, loads)], b = read[least(S * j + 1, loads)];
                    if constexpr (S == 1) {
                        part[0][j] = a;
                    } else {
                        part[0][j] = even_lanes<T>(a, b);
                        part[1][j] = odd_lanes<T>(a, b);
                    }
                });
                static_for<K * VECTORS>([&](auto i) INLINE {
                    constexpr int s = i / VECTORS, v = i % VECTORS, first = v + s / S / width;
                    const Vec<T> in = shifted<s / S % width, T>(part[s % S][first], part[s % S][first + 1]);
                    [&]<int... Q>(Steps<Q...>) INLINE {
                        ((sum[Q][v] += weight[S * Q + phase][s] * in), ...);
                    }(steps<(K - phase + S - 1) / S>);
                });
            });
            static_for<VECTORS>([&](auto v) INLINE {
                Vec<T> done = sum[overlap - 1][v];
                settle(done);
                static_for<overlap - 1>([&](auto q) INLINE { sum[overlap - 1 - q][v] = sum[overlap - 2 - q][v]; });
                sum[0][v] = bias;
                if (t < begin) return;
                if (image.limits.any) done = image.limits.clamp(done);
                if constexpr (v < VECTORS - 1) store<T>(to + v * width, done);
                else store_first<T>(to + v * width, done, last_count);
            });
            row += S * w;
            to += ow;
        }
    }
}

template <class T, int K, int S>
void by_rows_of(const Image<T>& image, int64_t first, int64_t last, int64_t y, int64_t stop) {
    constexpr int64_t width = lanes<T>, wide = vector_bytes == 64 && sizeof(T) == 4 ? 2 : 1;
    // Rows of a strip that lie on so few pages that neighbouring strips find them in the caches.
    constexpr int64_t near = 64 * 1024;
    const int64_t ow = image.p.ow, rows = most<int64_t>(16, near / (ow * int64_t(sizeof(T))));
    if (ow <= width) return compute<T, K, S, 1>(image, {0, y, stop, first, last});
    if (ow <= wide * width) return compute<T, K, S, wide>(image, {0, y, stop, first, last});
    for (int64_t from = y; from < stop; from += rows)
        for (int64_t k = first; k < last; ++k)
            for (int64_t x = 0; x < ow; x += wide * width) {
                const Strip strip{x, from, least(stop, from + rows), k, k + 1};
                if (ow - x <= width) compute<T, K, S, 1>(image, strip);
                else compute<T, K, S, wide>(image, strip);
            }
}

template <class T>
auto by_rows_for(int64_t kernel, int64_t stride) {
    if (stride == 1)
        return kernel == 3   ? by_rows_of<T, 3, 1>
               : kernel == 5 ? by_rows_of<T, 5, 1>
               : kernel == 7 ? by_rows_of<T, 7, 1>
                             : by_rows_of<T, 9, 1>;
    return kernel == 3   ? by_rows_of<T, 3, 2>
           : kernel == 5 ? by_rows_of<T, 5, 2>
           : kernel == 7 ? by_rows_of<T, 7, 2>
                         : by_rows_of<T, 9, 2>;
}

template <class T>
void by_rows(const DepthwisePlan& d, const Args& a, int64_t index, int64_t first, int64_t y) {
    const Problem& p = d.p;
    const Image<T> image{p,
                         static_cast<const T*>(a.x) + index * p.c * p.h * p.w,
                         static_cast<const T*>(a.packed),
                         static_cast<const T*>(a.bias),
                         static_cast<T*>(a.out) + index * p.k * p.oh * p.ow,
                         Limits<T>(a.activation)};
    const int64_t last = least(p.c, first + d.block);
    by_rows_for<T>(p.kh, p.sh)(image, first * p.group_k(), last * p.group_k(), y, least(p.oh, y + d.rows));
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
    int32_t tap[2 * DepthwisePlan::widest_map -
                1];  // offset of the weight that joins input column j + i - (W - 1) to output j, or -1
};

// Maps of W columns. A row of outputs stays in registers; each row of the map meets it once, one weight at a time.
template <class T, int W>
void map_of(const Channels<T>& c) {
    constexpr int width = lanes<T>;
    const Problem& p = c.d.p;
    const int64_t chain = c.d.chain_rows();
    for (int64_t y = 0; y < p.oh; ++y) {
        const int64_t top = y - p.pad_top;
        const int64_t first = top < 0 ? ceil_div(-top, p.dh) : 0,
                      stop = least(p.kh, p.h > top ? ceil_div(p.h - top, p.dh) : 0);
        T* const to = c.out + y * W * width;
        bool last = false;
        for (int64_t begin = first; !last; begin += chain) {
            last = begin + chain >= stop;
            Vec<T> acc[W] = {};
            for (int64_t r = begin; r < least(stop, begin + chain); ++r) {
                const T* const row = c.map + (top + r * p.dh) * W * width;
                const T* const weight = c.weight + r * p.kw * width;
                Vec<T> in[W];
                static_for<W>([&](auto j) INLINE {
                    in[j] = load<T>(row + j * width);
                    if constexpr (vector_bytes == 64) settle(in[j]);
                });
                static_for<2 * W - 1>([&](auto i) INLINE {
                    if (c.tap[i] < 0) return;
                    const Vec<T> w = load<T>(weight + c.tap[i]);
                    constexpr int first = most(W - 1 - int(i), 0), met = W - most(W - 1 - int(i), i - (W - 1));
                    [&]<int... J>(Steps<J...>) INLINE {
                        ((acc[first + J] += in[first + J + i - (W - 1)] * w), ...);
                    }(steps<met>);
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
    static_for<DepthwisePlan::widest_map>([&](auto w) INLINE {
        if (c.d.p.w == w + 1) map_of<T, w + 1>(c);
    });
}

// The maps of channels `from`[0, lanes), `count` pixels each, to a vector per pixel.
template <class T>
void gather(const T* const* from, int64_t count, T* to) {
    constexpr int width = lanes<T>;
    for (int64_t q = 0; q < count; q += width) {
        Vec<T> v[width];
        for (int i = 0; i < width; ++i)
            v[i] = q + width <= count ? load<T>(from[i] + q) : load_part<T>(from[i] + q, count - q);
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
void depthwise_task(const DepthwisePlan& d, const Args& a, const Unit& unit) {
    const int64_t y = unit.task % d.bands * d.rows, block = unit.task / d.bands, first = block % d.blocks * d.block;
    if (d.by_channel) by_channels<T>(d, a, block / d.blocks, first, unit.memory);
    else by_rows<T>(d, a, block / d.blocks, first, y);
}

template void depthwise_task<float>(const DepthwisePlan&, const Args&, const Unit&);
template void depthwise_task<double>(const DepthwisePlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
