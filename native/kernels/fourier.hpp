// Complex Fourier transforms of lengths 2^a 3^b, one per lane: Stockham's self-sorting form, radix 4, 3 and 2.
#pragma once

#include "simd.hpp"

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
    } else {
        const Complex a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = v[1] - v[3];
        v[0] = a + c;
        v[2] = a - c;
        v[1] = {b.re + d.im, b.im - d.re};
        v[3] = {b.re - d.im, b.im + d.re};
    }
}

template <int Radix>
inline void pass(int64_t size, int64_t length, int64_t stride, const float* twiddles, const Complex* in, Complex* out) {
    const int64_t part = length / Radix, turn = size / length;
    for (int64_t p = 0; p < part; ++p)
        for (int64_t q = 0; q < stride; ++q) {
            Complex v[Radix];
            for (int j = 0; j < Radix; ++j) v[j] = in[q + stride * (p + part * j)];
            butterfly<Radix>(v);
            if (p > 0)
                for (int j = 1; j < Radix; ++j) v[j] = turned(v[j], twiddles, turn * p * j);
            for (int j = 0; j < Radix; ++j) out[q + stride * (Radix * p + j)] = v[j];
        }
}

// The transform of the `size` values at `a`; `b` is room for as many. Returns whichever of the two holds the result.
inline Complex* fourier(int64_t size, const float* twiddles, Complex* a, Complex* b) {
    for (int64_t length = size, stride = 1; length > 1;) {
        const int radix = length % 4 == 0 ? 4 : length % 3 == 0 ? 3 : 2;
        if (radix == 4) pass<4>(size, length, stride, twiddles, a, b);
        else if (radix == 3) pass<3>(size, length, stride, twiddles, a, b);
        else pass<2>(size, length, stride, twiddles, a, b);
        length /= radix;
        stride *= radix;
        Complex* const done = b;
        b = a;
        a = done;
    }
    return a;
}

}  // namespace striate::STRIATE_TARGET
