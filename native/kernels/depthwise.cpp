#include "direct.hpp"
#include "slab.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// One channel of one band: where its slab, weights and outputs are.
template <class T>
struct Channel {
    const T* slab;
    int64_t plane, pitch;
    const T* weight;
    T bias, low, high;
    T* out;
    int64_t ow;
};

// ROWS output rows from `y` on. Each input vector is loaded once and serves every row that reads it.
template <class T, int K, int S, int ROWS>
void rows_of(const Channel<T>& c, int64_t y) {
    constexpr int width = lanes<T>;
    const Vec<T> low = broadcast(c.low), high = broadcast(c.high), bias = broadcast(c.bias);
    for (int64_t x = 0; x < c.ow; x += width) {
        Vec<T> acc[ROWS] = {};
        static_for<(S < K ? S : K)>([&](auto phase) __attribute__((always_inline)) {
            static_for<ROWS + (K - 1) / S>([&](auto i) __attribute__((always_inline)) {
                static_for<K>([&](auto s) __attribute__((always_inline)) {
                    const T* at = c.slab + (phase * (S < K ? S : K) + s % S) * c.plane + (y + i) * c.pitch + s / S + x;
                    const Vec<T> in = load<T>(at);
                    static_for<ROWS>([&](auto j) __attribute__((always_inline)) {
                        constexpr int r = phase + S * (i - j);
                        if constexpr (i >= j && r < K) acc[j] += broadcast(c.weight[r * K + s]) * in;
                    });
                });
            });
        });
        for (int j = 0; j < ROWS; ++j) {
            Vec<T> v = acc[j] + bias;
            v = v < low ? low : v;
            v = v > high ? high : v;
            T* const to = c.out + (y + j) * c.ow + x;
            if (x + width <= c.ow) store<T>(to, v);
            else store_part<T>(to, v, c.ow - x);
        }
    }
}

template <class T, int K, int S>
void band(const Channel<T>& c, int64_t rows) {
    int64_t y = 0;
    for (; y + 4 <= rows; y += 4) rows_of<T, K, S, 4>(c, y);
    if (rows - y == 3) rows_of<T, K, S, 3>(c, y);
    else if (rows - y == 2) rows_of<T, K, S, 2>(c, y);
    else if (rows - y == 1) rows_of<T, K, S, 1>(c, y);
}

template <class T>
auto band_for(int64_t kernel, int64_t stride) {
    if (stride == 1) return kernel == 3 ? band<T, 3, 1> : kernel == 5 ? band<T, 5, 1> : band<T, 7, 1>;
    return kernel == 3 ? band<T, 3, 2> : kernel == 5 ? band<T, 5, 2> : band<T, 7, 2>;
}

}  // namespace

template <class T>
void depthwise_task(const DirectPlan& d, const Args& a, int64_t task, void* memory) {
    const Problem& p = d.p;
    const int64_t index = task % d.bands, group_task = task / d.bands % d.group_tasks, image = task / (d.bands * d.group_tasks);
    const int64_t y0 = index * d.rows, rows = least(d.rows, p.oh - y0), kg = p.group_k();
    const auto compute = band_for<T>(p.kh, p.sh);
    const T infinity = T(__builtin_inf());
    T* const slab = static_cast<T*>(memory);
    Channel<T> channel{slab, d.slab_rows() * d.pitch, d.pitch, nullptr, T(0), a.activation == Activation::none ? -infinity : T(0),
                       a.activation == Activation::relu6 ? T(6) : infinity, nullptr, p.ow};
    for (int64_t g = group_task * d.group_block; g < least(p.groups, (group_task + 1) * d.group_block); ++g) {
        fill_slab<T>(d, static_cast<const T*>(a.x) + (image * p.c + g) * p.h * p.w, 1, y0, rows, slab);
        for (int64_t k = g * kg; k < (g + 1) * kg; ++k) {
            channel.weight = static_cast<const T*>(a.packed) + k * p.taps();
            channel.bias = a.bias ? static_cast<const T*>(a.bias)[k] : T(0);
            channel.out = static_cast<T*>(a.out) + ((image * p.k + k) * p.oh + y0) * p.ow;
            compute(channel, rows);
        }
    }
}

template void depthwise_task<float>(const DirectPlan&, const Args&, int64_t, void*);
template void depthwise_task<double>(const DirectPlan&, const Args&, int64_t, void*);

}  // namespace striate::STRIATE_TARGET
