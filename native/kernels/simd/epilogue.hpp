// The last step of every way: sum plus bias, activation, store.
#pragma once

#include "base/problem.hpp"
#include "simd/simd.hpp"

namespace striate::STRIATE_TARGET {

// The range of an activation. NaN passes through.
template <class T>
struct Limits {
    T low, high;
    bool any;  // false where the range is everything

    explicit Limits(Activation activation)
        : low(activation == Activation::none ? -T(__builtin_inf()) : T(0)),
          high(activation == Activation::relu6 ? T(6) : T(__builtin_inf())),
          any(activation != Activation::none) {}
    [[gnu::always_inline]] Vec<T> clamp(Vec<T> v) const {
        const Vec<T> least = broadcast(low), most = broadcast(high);
        v = v < least ? least : v;
        return v > most ? most : v;
    }
};

// out[i] = activation(sums[i] + bias), 0 <= i < count. Reads `sums` up to a whole vector past the end.
template <class T>
inline void emit_row(T* out, const T* sums, int64_t count, T bias, Activation activation) {
    constexpr int width = lanes<T>;
    const Limits<T> limits(activation);
    int64_t i = 0;
    for (; i + width <= count; i += width) store<T>(out + i, limits.clamp(load<T>(sums + i) + bias));
    if (i < count) store_part<T>(out + i, limits.clamp(load<T>(sums + i) + bias), count - i);
}

}  // namespace striate::STRIATE_TARGET
