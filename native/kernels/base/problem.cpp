#include "base/problem.hpp"

#include <initializer_list>
#include <stdexcept>
#include <string>

namespace striate {
namespace {

constexpr double max_elements = 70368744177664.0;  // 2^46

void require(bool ok, const std::string& message) {
    if (!ok) throw std::invalid_argument(message);
}

void positive(const char* name, int64_t value) {
    require(value >= 1, std::string(name) + " must be at least 1, got " + std::to_string(value));
    require(value <= INT32_MAX, std::string(name) + " must be at most 2147483647, got " + std::to_string(value));
}

int64_t output_size(const char* axis, int64_t n, int64_t before, int64_t after, int64_t kernel, int64_t stride,
                    int64_t dilation) {
    const int64_t padded = n + before + after, extent = dilation * (kernel - 1) + 1;
    require(padded >= extent, std::string("the output would be empty along the ") + axis + ": the padded input has " +
                                  std::to_string(padded) + " pixels and the dilated kernel needs " +
                                  std::to_string(extent));
    return (padded - extent) / stride + 1;
}

void bounded(const char* name, std::initializer_list<int64_t> sizes) {
    double count = 1;
    for (int64_t size : sizes) count *= double(size);
    require(count <= max_elements, std::string("the ") + name + " would hold more than 2^46 elements");
}

}  // namespace

Problem checked(Problem p) {
    const struct {
        const char* name;
        int64_t value;
    } sizes[] = {
        {"n", p.n},   {"c", p.c},       {"h", p.h},       {"w", p.w},         {"k", p.k},         {"kh", p.kh},
        {"kw", p.kw}, {"stride", p.sh}, {"stride", p.sw}, {"dilation", p.dh}, {"dilation", p.dw}, {"groups", p.groups},
    };
    for (const auto& size : sizes) positive(size.name, size.value);
    for (int64_t pad : {p.pad_top, p.pad_bottom, p.pad_left, p.pad_right}) {
        require(pad >= 0 && pad <= INT32_MAX, "padding must lie in [0, 2147483647], got " + std::to_string(pad));
    }
    for (int64_t channels : {p.c, p.k}) {
        require(channels % p.groups == 0, "channels must be divisible by groups: got " + std::to_string(channels) +
                                              " channels and groups=" + std::to_string(p.groups));
    }
    p.oh = output_size("height", p.h, p.pad_top, p.pad_bottom, p.kh, p.sh, p.dh);
    p.ow = output_size("width", p.w, p.pad_left, p.pad_right, p.kw, p.sw, p.dw);
    bounded("input", {p.n, p.c, p.h, p.w});
    bounded("weight", {p.k, p.group_c(), p.kh, p.kw});
    bounded("output", {p.n, p.k, p.oh, p.ow});
    return p;
}

}  // namespace striate
