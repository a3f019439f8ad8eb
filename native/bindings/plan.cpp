#include "choose/plan.hpp"
#include "choose/gradients.hpp"

#include "register.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using striate::Activation;
using striate::DType;
using striate::Packed;
using striate::Plan;
using striate::Problem;

using Read4 = nb::ndarray<nb::ro, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Write4 = nb::ndarray<nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Strided4 = nb::ndarray<nb::ro, nb::ndim<4>, nb::device::cpu>;
using Read1 = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Write1 = nb::ndarray<nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Pair = std::pair<int64_t, int64_t>;
using Four = std::tuple<int64_t, int64_t, int64_t, int64_t>;

DType dtype_of(const std::string& name) {
    for (DType dtype : {DType::float32, DType::float64})
        if (name == name_of(dtype)) return dtype;
    throw std::invalid_argument("dtype must be 'float32' or 'float64', got '" + name + "'");
}

Activation activation_of(const std::string& name) {
    if (name == "none") return Activation::none;
    if (name == "relu") return Activation::relu;
    if (name == "relu6") return Activation::relu6;
    throw std::invalid_argument("activation must be 'none', 'relu' or 'relu6', got '" + name + "'");
}

std::string shape_text(const int64_t* sizes, size_t count) {
    std::string text = "(";
    for (size_t i = 0; i < count; ++i) text += (i ? ", " : "") + std::to_string(sizes[i]);
    return text + (count == 1 ? ",)" : ")");
}

template <class Array, size_t N>
void check(const char* name, const Array& array, DType dtype, const int64_t (&wanted)[N]) {
    if (array.dtype() != with_element(dtype, []<class T>() { return nb::dtype<T>(); }))
        throw std::invalid_argument(std::string(name) + " must be " + name_of(dtype));
    int64_t got[N];
    bool same = true;
    for (size_t i = 0; i < N; ++i) {
        got[i] = int64_t(array.shape(i));
        same = same && got[i] == wanted[i];
    }
    if (!same) {
        throw std::invalid_argument(std::string(name) + " must have shape " + shape_text(wanted, N) + ", got " +
                                    shape_text(got, N));
    }
}

// Lets other Python threads run during a call, unless it ends sooner than they would notice.
class Release {
public:
    explicit Release(const Plan& plan) {
        if (plan.way().facts.predicted_us > 10) release_.emplace();
    }

private:
    std::optional<nb::gil_scoped_release> release_;
};

std::shared_ptr<const Packed> pack(const Plan& plan, const Read4& weight) {
    const Problem& p = plan.problem();
    check("weight", weight, p.dtype, {p.k, p.group_c(), p.kh, p.kw});
    const void* data = weight.data();
    const nb::gil_scoped_release release;
    return plan.pack(data);
}

void run(const Plan& plan, const Read4& x, const Packed& packed, const std::optional<Read1>& bias,
         const std::string& activation, const Write4& out) {
    const Problem& p = plan.problem();
    check("x", x, p.dtype, {p.n, p.c, p.h, p.w});
    check("out", out, p.dtype, {p.n, p.k, p.oh, p.ow});
    if (bias) check("bias", *bias, p.dtype, {p.k});
    const Activation chosen = activation_of(activation);
    const void* bias_data = bias ? bias->data() : nullptr;
    const void* x_data = x.data();
    void* out_data = out.data();
    const Release release(plan);
    plan.run(x_data, packed, bias_data, chosen, out_data);
}

bool in_order(const Strided4& array) {
    int64_t stride = 1;
    for (size_t i = 4; i-- > 0; stride *= int64_t(array.shape(i)))
        if (array.shape(i) != 1 && array.stride(i) != stride) return false;
    return reinterpret_cast<uintptr_t>(array.data()) % array.itemsize() == 0;
}

bool run_unpacked(const Plan& plan, const Strided4& x, const Strided4& weight, const std::optional<Read1>& bias,
                  const std::string& activation, const Write4& out) {
    if (!in_order(x) || !in_order(weight)) return false;
    const Problem& p = plan.problem();
    check("x", x, p.dtype, {p.n, p.c, p.h, p.w});
    check("weight", weight, p.dtype, {p.k, p.group_c(), p.kh, p.kw});
    check("out", out, p.dtype, {p.n, p.k, p.oh, p.ow});
    if (bias) check("bias", *bias, p.dtype, {p.k});
    const Activation chosen = activation_of(activation);
    const void* bias_data = bias ? bias->data() : nullptr;
    const void *x_data = x.data(), *weight_data = weight.data();
    void* out_data = out.data();
    const Release release(plan);
    plan.run_unpacked(x_data, weight_data, bias_data, chosen, out_data);
    return true;
}

void run_turned(const Plan& plan, const Read4& x, const Read4& weight, Pair rows, Pair columns,
                const std::optional<Read1>& bias, const std::string& activation, const Write4& out) {
    const Problem& p = plan.problem();
    const int64_t height = int64_t(weight.shape(2)), width = int64_t(weight.shape(3));
    check("x", x, p.dtype, {p.n, p.c, p.h, p.w});
    check("weight", weight, p.dtype, {p.c, p.group_k(), height, width});
    check("out", out, p.dtype, {p.n, p.k, p.oh, p.ow});
    if (bias) check("bias", *bias, p.dtype, {p.k});
    const auto inside = [](Pair taps, int64_t count, int64_t size) {
        return taps.first >= 0 && taps.second >= 1 && taps.first < size &&
               count - 1 <= (size - 1 - taps.first) / taps.second;
    };
    if (!inside(rows, p.kh, height) || !inside(columns, p.kw, width))
        throw std::invalid_argument("rows and columns must be the first tap and the step of taps inside the weight");
    const striate::Turned turned{weight.data(), height, width, rows.first, rows.second, columns.first, columns.second};
    const Activation chosen = activation_of(activation);
    const void *x_data = x.data(), *bias_data = bias ? bias->data() : nullptr;
    void* const out_data = out.data();
    const nb::gil_scoped_release release;
    plan.run_turned(x_data, turned, bias_data, chosen, out_data);
}

void init(Plan* self, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int64_t kh, int64_t kw, Pair stride,
          Four padding, Pair dilation, int64_t groups, const std::string& dtype, const std::string& algorithm,
          bool strict, int threads, bool once) {
    Problem p{n, c, h, w, k, kh, kw};
    std::tie(p.sh, p.sw) = stride;
    std::tie(p.pad_top, p.pad_bottom, p.pad_left, p.pad_right) = padding;
    std::tie(p.dh, p.dw) = dilation;
    p.groups = groups;
    p.dtype = dtype_of(dtype);
    const nb::gil_scoped_release release;
    new (self) Plan(p, algorithm, strict, threads, once);
}

// Of the convolution of `x` with `weight`.
template <class X, class W>
Problem problem_of(const X& x, const W& weight, Pair stride, Four padding, Pair dilation, int64_t groups) {
    const auto size = [](const auto& array, size_t axis) { return int64_t(array.shape(axis)); };
    Problem p{size(x, 0), size(x, 1), size(x, 2), size(x, 3), size(weight, 0), size(weight, 2), size(weight, 3)};
    std::tie(p.sh, p.sw) = stride;
    std::tie(p.pad_top, p.pad_bottom, p.pad_left, p.pad_right) = padding;
    std::tie(p.dh, p.dw) = dilation;
    p.groups = groups;
    p.dtype = x.dtype() == nb::dtype<double>() ? DType::float64 : DType::float32;
    return striate::checked(p);
}

double input_gradient_us(const Four& input, const Four& weight, Pair stride, Four padding, Pair dilation,
                         int64_t groups, int threads) {
    Problem p{};
    std::tie(p.n, p.c, p.h, p.w) = input;
    std::tie(p.k, std::ignore, p.kh, p.kw) = weight;
    std::tie(p.sh, p.sw) = stride;
    std::tie(p.pad_top, p.pad_bottom, p.pad_left, p.pad_right) = padding;
    std::tie(p.dh, p.dw) = dilation;
    p.groups = groups;
    const nb::gil_scoped_release release;
    return striate::input_gradient_us(striate::checked(p), threads);
}

void input_gradient(const Read4& grad, const Read4& weight, const std::optional<Read1>& bias,
                    const std::string& activation, const Write4& out, Pair stride, Four padding, Pair dilation,
                    int64_t groups, int threads) {
    const Problem p = problem_of(out, weight, stride, padding, dilation, groups);
    check("grad", grad, DType::float32, {p.n, p.k, p.oh, p.ow});
    check("weight", weight, DType::float32, {p.k, p.group_c(), p.kh, p.kw});
    check("out", out, DType::float32, {p.n, p.c, p.h, p.w});
    if (bias) check("bias", *bias, DType::float32, {p.c});
    const striate::Args args{grad.data(), weight.data(), bias ? bias->data() : nullptr, out.data(),
                             activation_of(activation)};
    const nb::gil_scoped_release release;
    striate::input_gradient(p, args, threads);
}

void weight_gradient(const Read4& x, const Read4& grad, const Write4& out, Pair stride, Four padding, Pair dilation,
                     int64_t groups, bool strict, int threads) {
    const Problem p = problem_of(x, out, stride, padding, dilation, groups);
    check("x", x, p.dtype, {p.n, p.c, p.h, p.w});
    check("grad", grad, p.dtype, {p.n, p.k, p.oh, p.ow});
    check("out", out, p.dtype, {p.k, p.group_c(), p.kh, p.kw});
    const void *x_data = x.data(), *grad_data = grad.data();
    void* const out_data = out.data();
    const nb::gil_scoped_release release;
    striate::weight_gradient(p, x_data, grad_data, out_data, strict, threads);
}

void bias_gradient(const Read4& grad, const Write1& out, int threads) {
    const DType dtype = grad.dtype() == nb::dtype<double>() ? DType::float64 : DType::float32;
    const auto size = [&](size_t axis) { return int64_t(grad.shape(axis)); };
    check("grad", grad, dtype, {size(0), size(1), size(2), size(3)});
    check("out", out, dtype, {size(1)});
    const void* const grad_data = grad.data();
    void* const out_data = out.data();
    const nb::gil_scoped_release release;
    striate::bias_gradient(dtype, size(0), size(1), size(2) * size(3), grad_data, out_data, threads);
}

nb::dict blocking(const Plan& plan) {
    nb::dict result;
    for (const auto& [name, value] : plan.way().facts.blocking) result[name.c_str()] = value;
    return result;
}

}  // namespace

void register_plan(nb::module_& m) {
    m.def("input_gradient_us", &input_gradient_us, "input"_a, "weight"_a, "stride"_a, "padding"_a, "dilation"_a,
          "groups"_a, "threads"_a,
          "Microseconds that input_gradient should take for these shapes; infinite where it needs too much memory.");
    m.def("input_gradient", &input_gradient, "grad"_a, "weight"_a, "bias"_a.none(), "activation"_a, "out"_a, "stride"_a,
          "padding"_a, "dilation"_a, "groups"_a, "threads"_a = 0,
          "The transposed convolution of `grad` (n, k, oh, ow) in `out` (n, c, h, w), which is the input's gradient of "
          "the convolution with `weight`. float32, NCHW arrays.");
    m.def("weight_gradient", &weight_gradient, "x"_a, "grad"_a, "out"_a, "stride"_a, "padding"_a, "dilation"_a,
          "groups"_a, "strict"_a = false, "threads"_a = 0,
          "The weights' gradient (k, c/groups, kh, kw) in `out`, of input and output gradient; strict without "
          "transforms. Zero padding; NCHW arrays.");
    m.def("bias_gradient", &bias_gradient, "grad"_a, "out"_a, "threads"_a = 0,
          "The output's gradient (n, k, oh, ow) summed over all but k, in `out`.");
    nb::class_<Packed>(m, "Packed", "Weights in one layout; immutable.")
        .def_prop_ro("bytes", &Packed::bytes, "Size in memory.");

    nb::class_<Plan>(m, "Plan", "How one convolution shape is computed. Zero padding; NCHW arrays.")
        .def("__init__", &init, "n"_a, "c"_a, "h"_a, "w"_a, "k"_a, "kh"_a, "kw"_a, "stride"_a = Pair(1, 1),
             "padding"_a = Four(0, 0, 0, 0), "dilation"_a = Pair(1, 1), "groups"_a = 1, "dtype"_a = "float32",
             "algorithm"_a = "auto", "strict"_a = false, "threads"_a = 0, "once"_a = false)
        .def_prop_ro(
            "algorithm", [](const Plan& p) { return p.way().facts.promise.name; }, "The algorithm chosen.")
        .def_prop_ro("blocking", &blocking, "How the algorithm splits the work.")
        .def_prop_ro("layout", &Plan::layout, "Plans of one layout take each other's packed weights.")
        .def_prop_ro("workspace_bytes", &Plan::workspace_bytes, "Scratch memory of a call, all threads together.")
        .def_prop_ro(
            "error_bound", [](const Plan& p) { return p.way().facts.promise.error_bound; },
            "Largest float32 error for unit-variance data, as a share of 1 + sqrt(terms per output).")
        .def_prop_ro(
            "strict", [](const Plan& p) { return p.way().facts.strict(); },
            "Whether the algorithm rounds no more than `direct`.")
        .def_prop_ro(
            "predicted_us", [](const Plan& p) { return p.way().facts.predicted_us; },
            "Microseconds a call should take.")
        .def_prop_ro(
            "pack_us", [](const Plan& p) { return double(p.way().facts.packed_bytes) * p.way().facts.pack_ns / 1e3; },
            "Microseconds that packing weights should take.")
        .def_prop_ro("price", &Plan::price, "What `auto` multiplies the algorithm's time by, for its rounding.")
        .def_prop_ro("threads", &Plan::threads, "Threads a call may use.")
        .def_prop_ro(
            "output_shape",
            [](const Plan& p) { return std::make_tuple(p.problem().n, p.problem().k, p.problem().oh, p.problem().ow); },
            "(n, k, oh, ow).")
        .def_prop_ro("candidates", &Plan::candidates,
                     "(algorithm, predicted microseconds) of every one that can, fastest first.")
        .def("pack", &pack, "weight"_a, "Weights (k, c/groups, kh, kw) in this plan's layout.")
        .def("run_unpacked", &run_unpacked, "x"_a, "weight"_a, "bias"_a.none(), "activation"_a, "out"_a,
             "As run, of weights packed for this call alone; False, with nothing done, where x or weight is not in C "
             "order.")
        .def("run_turned", &run_turned, "x"_a, "weight"_a, "rows"_a, "columns"_a, "bias"_a.none(), "activation"_a,
             "out"_a,
             "As run, of the weights that (c, k/groups, height, width) transposes to, packed for this call alone: rows "
             "and columns, each a first tap and a step, are taken from last to first.")
        .def("run", &run, "x"_a, "packed"_a, "bias"_a.none(), "activation"_a, "out"_a,
             "Computes `out`; a call of more than some microseconds releases the GIL.");
}
