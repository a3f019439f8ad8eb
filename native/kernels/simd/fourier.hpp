// Complex Fourier transforms of lengths 2^a 3^b, one per lane: Stockham's self-sorting form, in as few passes as the
// registers allow.
#pragma once

#include "simd/simd.hpp"

namespace striate::STRIATE_TARGET {

struct Complex {
    Vec<float> re, im;
};
inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex swapped(Complex a) { return {a.im, a.re}; }

// `twiddles` holds exp(-2 pi i j / size) as (re, im) pairs.
inline Complex turned(Complex a, const float* twiddles, int64_t j) {
    const Vec<float> c = broadcast(twiddles[2 * j]), s = broadcast(twiddles[2 * j + 1]);
    return {a.re * c - a.im * s, a.re * s + a.im * c};
}

// a times exp(-2 pi i J / N).
template <int N, int J>
[[gnu::always_inline]] inline Complex turned_by(Complex a) {
    constexpr int j = J % N;
    if constexpr (j == 0) return a;
    else if constexpr (4 * j == N) return {a.im, -a.re};
    else if constexpr (2 * j == N) return {-a.re, -a.im};
    else if constexpr (4 * j == 3 * N) return {-a.im, a.re};
    else {
        constexpr double angle = -6.283185307179586476925 * j / N;
        const Vec<float> c = broadcast(float(__builtin_cos(angle))), s = broadcast(float(__builtin_sin(angle)));
        return {a.re * c - a.im * s, a.re * s + a.im * c};
    }
}

template <int Radix>
[[gnu::always_inline]] inline void butterfly(Complex (&v)[Radix]) {
    if constexpr (Radix == 2) {
        const Complex a = v[0], b = v[1];
        v[0] = a + b;
        v[1] = a - b;
    } else if constexpr (Radix == 3) {
        const Vec<float> half = broadcast(0.5f), root = broadcast(0.86602540378443864676f);
        const Complex sum = v[1] + v[2], gap = v[1] - v[2];
        const Complex middle = {v[0].re - half * sum.re, v[0].im - half * sum.im};
        v[0] = v[0] + sum;
        v[1] = {middle.re + root * gap.im, middle.im - root * gap.re};
        v[2] = {middle.re - root * gap.im, middle.im + root * gap.re};
    } else if constexpr (Radix == 4) {
        const Complex a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = v[1] - v[3];
        v[0] = a + c;
        v[2] = a - c;
        v[1] = {b.re + d.im, b.im - d.re};
        v[3] = {b.re - d.im, b.im + d.re};
    } else {
        constexpr int inner = Radix % 4 == 0 ? 4 : 3, outer = Radix / inner;
        Complex part[outer][inner];
        static_for<outer>([&](auto a) INLINE {
            static_for<inner>([&](auto b) INLINE { part[a][b] = v[a + outer * b]; });
            butterfly<inner>(part[a]);
            static_for<inner>([&](auto k) INLINE { part[a][k] = turned_by<Radix, a * k>(part[a][k]); });
        });
        static_for<inner>([&](auto k) INLINE {
            Complex across[outer];
            static_for<outer>([&](auto a) INLINE { across[a] = part[a][k]; });
            butterfly<outer>(across);
            static_for<outer>([&](auto j) INLINE { v[k + inner * j] = across[j]; });
        });
    }
}

// One pass over the values at `in`; where Swap, real and imaginary parts change places on the way in (1) or out (2).
template <int Radix, int Swap>
void pass(int64_t size, int64_t length, int64_t stride, const float* twiddles, const Complex* in, Complex* out) {
    const int64_t part = length / Radix, turn = size / length;
    for (int64_t p = 0; p < part; ++p)
        for (int64_t q = 0; q < stride; ++q) {
            Complex v[Radix];
            static_for<Radix>([&](auto j) INLINE {
                const Complex value = in[q + stride * (p + part * j)];
                v[j] = Swap & 1 ? swapped(value) : value;
            });
            butterfly<Radix>(v);
            if (p > 0)
                static_for<Radix - 1>(
                    [&](auto j) INLINE { v[j + 1] = turned(v[j + 1], twiddles, turn * p * (j + 1)); });
            static_for<Radix>(
                [&](auto j) INLINE { out[q + stride * (Radix * p + j)] = Swap & 2 ? swapped(v[j]) : v[j]; });
        }
}

template <int Swap>
inline void pass_of(int radix, int64_t size, int64_t length, int64_t stride, const float* twiddles, const Complex* in,
                    Complex* out) {
    switch (radix) {
        case 12: return pass<12, Swap>(size, length, stride, twiddles, in, out);
        case 9: return pass<9, Swap>(size, length, stride, twiddles, in, out);
        case 8: return pass<8, Swap>(size, length, stride, twiddles, in, out);
        case 6: return pass<6, Swap>(size, length, stride, twiddles, in, out);
        case 4: return pass<4, Swap>(size, length, stride, twiddles, in, out);
        case 3: return pass<3, Swap>(size, length, stride, twiddles, in, out);
        default: return pass<2, Swap>(size, length, stride, twiddles, in, out);
    }
}

// The radix of the next pass over what is left of a length: two passes do where they can.
inline int radix_of(int64_t length) {
    for (int radix : {4, 6, 8, 9, 12})
        if (length == radix) return radix;
    for (int radix : {4, 6, 8, 12})
        for (int other : {4, 6, 8, 9, 12})
            if (length == radix * other) return radix;
    return length % 8 == 0 ? 8 : length % 4 == 0 ? 4 : length % 3 == 0 ? 3 : 2;
}

// The transform of the `size` values at `in` to `out`, which may be the same place; `room` holds 2 * size values. The
// inverse leaves out the factor 1 / size.
template <bool Inverse = false>
inline void fourier(int64_t size, const float* twiddles, const Complex* in, Complex* room, Complex* out) {
    Complex *to = room, *next = room + size;
    for (int64_t length = size, stride = 1; length > 1;) {
        const int radix = radix_of(length);
        const bool first = stride == 1, last = length == radix;
        if (last) to = out;
        if (!Inverse || (!first && !last)) pass_of<0>(radix, size, length, stride, twiddles, in, to);
        else if (first && last) pass_of<3>(radix, size, length, stride, twiddles, in, to);
        else if (first) pass_of<1>(radix, size, length, stride, twiddles, in, to);
        else pass_of<2>(radix, size, length, stride, twiddles, in, to);
        in = to;
        std::swap(to, next);
        length /= radix;
        stride *= radix;
    }
}

}  // namespace striate::STRIATE_TARGET
