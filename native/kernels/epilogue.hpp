// The last step of every way: sum plus bias, activation, store.
#pragma once

#include "problem.hpp"
#include "simd.hpp"

namespace striate::STRIATE_TARGET {

// NaN passes through every activation.
template <Activation A, class T>
inline Vec<T> activate(Vec<T> v) {
    const Vec<T> zero{}, six = broadcast<T>(6);
    if constexpr (A != Activation::none) v = v < zero ? zero : v;
    if constexpr (A == Activation::relu6) v = v > six ? six : v;
    return v;
}

template <Activation A, class T>
inline void emit_row_as(T* out, const T* sums, int64_t count, T bias) {
    constexpr int width = lanes<T>;
    const Vec<T> b = broadcast<T>(bias);
    int64_t i = 0;
    for (; i + width <= count; i += width) store<T>(out + i, activate<A, T>(load<T>(sums + i) + b));
    if (i < count) store_part<T>(out + i, activate<A, T>(load<T>(sums + i) + b), count - i);
}

// out[i] = activation(sums[i] + bias), 0 <= i < count. Reads `sums` up to a whole vector past the end.
template <class T>
inline void emit_row(T* out, const T* sums, int64_t count, T bias, Activation activation) {
    switch (activation) {
        case Activation::none: return emit_row_as<Activation::none, T>(out, sums, count, bias);
        case Activation::relu: return emit_row_as<Activation::relu, T>(out, sums, count, bias);
        case Activation::relu6: return emit_row_as<Activation::relu6, T>(out, sums, count, bias);
    }
}

}  // namespace striate::STRIATE_TARGET
