// Square transposes in registers.
#pragma once

#include "simd/simd.hpp"

namespace striate::STRIATE_TARGET {

// The lower (Half 0) or upper (Half 1) half of the lanes of a and b, one after the other in turn.
template <int Half, class T>
[[gnu::always_inline]] inline Vec<T> interleave(Vec<T> a, Vec<T> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) INLINE {
        return __builtin_shufflevector(a, b, (I / 2 + Half * lanes<T> / 2 + I % 2 * lanes<T>)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// v[i] lane j becomes v[j] lane i: interleaving the two halves log2(lanes) times.
template <class T>
[[gnu::always_inline]] inline void transpose(Vec<T> (&v)[lanes<T>]) {
    constexpr int n = lanes<T>;
    for (int done = 1; done < n; done *= 2) {
        Vec<T> next[n];
        static_for<n / 2>([&](auto i) INLINE {
            next[2 * i] = interleave<0, T>(v[i], v[i + n / 2]);
            next[2 * i + 1] = interleave<1, T>(v[i], v[i + n / 2]);
        });
        for (int i = 0; i < n; ++i) v[i] = next[i];
    }
}

// In each four of lanes, v[i] lane j becomes v[j] lane i.
template <class T>
[[gnu::always_inline]] inline void transpose_fours(Vec<T> (&v)[4]) {
    const auto shuffled = [](Vec<T> a, Vec<T> b, auto lane) INLINE {
        return [&]<int... I>(std::integer_sequence<int, I...>) INLINE {
            return __builtin_shufflevector(a, b, (I / 4 * 4 + lane(I % 4) % 4 + lane(I % 4) / 4 * lanes<T>)...);
        }(std::make_integer_sequence<int, lanes<T>>{});
    };
    // Lane 4 + i is b's lane i.
    constexpr auto low = [](int i) { return i / 2 + i % 2 * 4; }, high = [](int i) { return 2 + i / 2 + i % 2 * 4; };
    constexpr auto front = [](int i) { return i % 2 + i / 2 * 4; }, back = [](int i) { return 2 + i % 2 + i / 2 * 4; };
    const Vec<T> a = shuffled(v[0], v[1], low), b = shuffled(v[0], v[1], high);
    const Vec<T> c = shuffled(v[2], v[3], low), d = shuffled(v[2], v[3], high);
    v[0] = shuffled(a, c, front);
    v[1] = shuffled(a, c, back);
    v[2] = shuffled(b, d, front);
    v[3] = shuffled(b, d, back);
}

// out[j * lanes + i] = rows[i * stride + j] for 0 <= i < lanes, 0 <= j < count. Reads and writes whole blocks of lanes.
template <class T>
inline void transpose_rows(const T* rows, int64_t stride, int64_t count, T* out) {
    constexpr int n = lanes<T>;
    for (int64_t j = 0; j < count; j += n) {
        Vec<T> v[n];
        for (int i = 0; i < n; ++i) v[i] = load<T>(rows + i * stride + j);
        transpose<T>(v);
        for (int i = 0; i < n; ++i) store<T>(out + (j + i) * n, v[i]);
    }
}

}  // namespace striate::STRIATE_TARGET
