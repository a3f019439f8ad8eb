#include "ways/gemm_block.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
using V = Vec<float>;

// ROWS numbers by NV vectors, held in registers.
template <int ROWS, int NV, class Numbers>
void multiply(int64_t channels, Numbers numbers, const float* vectors, int64_t pitch, const GemmSink& sink) {
    constexpr auto block = steps<ROWS * NV>;
    V acc[ROWS * NV] = {};
    if (sink.out)
        [&]<int... I>(Steps<I...>) INLINE {
            (__builtin_prefetch(sink.out + I / NV * sink.plane + I % NV * L + L - 1, 1), ...);
        }(block);
    const float* ahead = sink.ahead;
    const int64_t ahead_pitch = sink.ahead_pitch;
    for (int64_t c = 0; c < channels; ++c) {
        const float* const number = numbers.next();
        __builtin_prefetch(ahead, 0, 2);
        V in[NV];
        [&]<int... J>(Steps<J...>) INLINE { ((in[J] = load<float>(vectors + J * L)), ...); }(steps<NV>);
        static_for<ROWS>([&](auto i) INLINE {
            const V value = broadcast(number[i]);
            [&]<int... J>(Steps<J...>) INLINE { ((acc[i * NV + J] += value * in[J]), ...); }(steps<NV>);
        });
        vectors += pitch;
        ahead += ahead_pitch;
    }
    // Keeps the compiler from moving multiply-adds behind the stores, which spills the block.
    [&]<int... I>(Steps<I...>) INLINE { (settle(acc[I]), ...); }(block);
    float* const sums = sink.sums;
    if (!sink.first) [&]<int... I>(Steps<I...>) INLINE { ((acc[I] = load<float>(sums + I * L) + acc[I]), ...); }(block);
    if (!sink.out) return [&]<int... I>(Steps<I...>) INLINE { (store<float>(sums + I * L, acc[I]), ...); }(block);
    float* out = sink.out;
    const Limits<float> limits = sink.limits;
    if (!sink.bias && !limits.any) {
        static_for<ROWS>([&](auto i) INLINE {
            [&]<int... J>(Steps<J...>) INLINE { (store<float>(out + J * L, acc[i * NV + J]), ...); }(steps<NV>);
            out += sink.plane;
        });
        return;
    }
    static_for<ROWS>([&](auto i) INLINE {
        const V bias = broadcast(sink.bias ? sink.bias[i] : 0.0f);
        [&]<int... J>(Steps<J...>) INLINE {
            (store<float>(out + J * L, limits.clamp(acc[i * NV + J] + bias)), ...);
        }(steps<NV>);
        out += sink.plane;
    });
}

template <class Numbers>
constexpr Multiplies<Numbers> all() {
    Multiplies<Numbers> multiplies{};
    static_for<most_gemm_rows>([&](auto i) {
        static_for<gemm_vectors(i + 1, many_registers)>(
            [&](auto v) { multiplies.of[i][v] = multiply<i + 1, v + 1, Numbers>; });
    });
    return multiplies;
}

}  // namespace

constexpr Multiplies<Rows> multiply_rows = all<Rows>();
constexpr Multiplies<Fields> multiply_fields = all<Fields>();

}  // namespace striate::STRIATE_TARGET
