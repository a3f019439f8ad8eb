// What is to be computed: one zero-padded, grouped, strided, dilated 2-D cross-correlation.
#pragma once

#include <cstdint>

namespace striate {

// Valued by the size in bytes.
enum class DType : int64_t { float32 = 4, float64 = 8 };

inline const char* name_of(DType dtype) { return dtype == DType::float32 ? "float32" : "float64"; }

// f.operator()<T>() for the type of the elements.
template <class F>
auto with_element(DType dtype, F&& f) {
    return dtype == DType::float32 ? f.template operator()<float>() : f.template operator()<double>();
}

enum class Activation { none, relu, relu6 };

// All sizes in elements; padding may exceed the kernel. `oh` and `ow` are derived by `checked`.
struct Problem {
    int64_t n, c, h, w;
    int64_t k, kh, kw;
    int64_t sh = 1, sw = 1;
    int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
    int64_t dh = 1, dw = 1;
    int64_t groups = 1;
    DType dtype = DType::float32;
    int64_t oh = 0, ow = 0;

    int64_t group_c() const { return c / groups; }
    int64_t group_k() const { return k / groups; }
    int64_t taps() const { return kh * kw; }
    int64_t element_bytes() const { return int64_t(dtype); }
    int64_t weight_count() const { return k * group_c() * taps(); }
    int64_t input_count() const { return n * c * h * w; }
    int64_t output_count() const { return n * k * oh * ow; }
    double macs() const { return double(output_count()) * double(group_c() * taps()); }
    bool pointwise() const { return taps() == 1 && padded() == false; }
    bool padded() const { return pad_top || pad_bottom || pad_left || pad_right; }
    // Bytes that the threads of a call may use between them besides the arrays.
    double workspace_limit() const {
        const double input = double(input_count()) * double(element_bytes());
        return input > 8e6 ? input : 8e6;
    }
};

// `p` with its output size filled in. Throws std::invalid_argument, naming the value, where the sizes
// make no convolution, the output would be empty, or an array would pass 2^46 elements.
Problem checked(Problem p);

// The arrays of one call. `packed` is what the same way's packing wrote; `bias` may be null.
struct Args {
    const void* x;
    const void* packed;
    const void* bias;
    void* out;
    Activation activation;
    // What a way that spreads raises where a sum is not finite or may not be; what it writes is then worthless.
    bool* spoiled = nullptr;

    void spoil() const { __atomic_store_n(spoiled, true, __ATOMIC_RELAXED); }
    bool worthless() const { return spoiled && __atomic_load_n(spoiled, __ATOMIC_RELAXED); }
};

}  // namespace striate
