// The gradients of input, weights and bias against the definition, by all kernels of every target: values, no access
// outside the arrays (guard pages), the same bits for any number of threads, and NaN where a NaN takes part.
#include "choose/gradients.hpp"
#include "check.hpp"
#include "choose/targets.hpp"
#include "problems.hpp"
#include "ways/way.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace striate;

namespace {

// What numbers of a type are summed in; long doubles, which many processors compute in software, only where they must.
template <class T>
using Sum = std::conditional_t<sizeof(T) == 4, double, long double>;

// Of data whose `out` is the gradient at the output.
template <class T>
std::vector<double> definition(const Problem& p, const Data<T>& data) {
    std::vector<double> result(size_t(p.weight_count()));
    for (int64_t i = 0; i < p.weight_count(); ++i) {
        const int64_t s = i % p.kw, r = i / p.kw % p.kh, c = i / p.taps() % p.group_c(), k = i / p.taps() / p.group_c();
        const int64_t channel = k / p.group_k() * p.group_c() + c;
        Sum<T> sum = 0;
        for (int64_t n = 0; n < p.n; ++n)
            for (int64_t oy = 0; oy < p.oh; ++oy)
                for (int64_t ox = 0; ox < p.ow; ++ox) {
                    const int64_t y = oy * p.sh + r * p.dh - p.pad_top, x = ox * p.sw + s * p.dw - p.pad_left;
                    const bool inside = y >= 0 && y < p.h && x >= 0 && x < p.w;
                    const double pixel = inside ? double(data.x[((n * p.c + channel) * p.h + y) * p.w + x]) : 0;
                    sum += Sum<T>(pixel) * double(data.out[((n * p.k + k) * p.oh + oy) * p.ow + ox]);
                }
        result[size_t(i)] = double(sum);
    }
    return result;
}

struct Chosen {
    const Target* target;
    WeightKernel kernel;
};

template <class T>
void compare(const Case& c, const Data<T>& data, const std::vector<double>& wanted, const Chosen& kernel,
             Guarded<T>& result, int threads) {
    const Problem& p = c.problem;
    for (int64_t i = 0; i < result.size(); ++i) result[i] = T(7);
    weight_gradient_on(*kernel.target, kernel.kernel, p, data.x.data(), data.out.data(), result.data(), threads);
    const double share = sizeof(T) == 8                            ? 2e-14
                         : kernel.kernel == WeightKernel::winograd ? promises::winograd.error_bound
                                                                   : promises::direct.error_bound;
    const double bound = share * (1 + std::sqrt(double(p.n * p.oh * p.ow)));
    for (int64_t i = 0; i < result.size(); ++i) {
        const double want = wanted[size_t(i)], got = double(result[i]);
        CHECK(std::isnan(want) ? std::isnan(got) : std::abs(got - want) <= bound,
              "weight %d is %.9g, not %.9g (%s, kernel %d, %s)", int(i), got, want, kernel.target->name,
              int(kernel.kernel), c.text().c_str());
    }
}

template <class T>
void check_case(const Case& c) {
    const Problem& p = c.problem;
    Data<T> data(c, Edge::after), before(c, Edge::before);
    std::mt19937 random(c.seed + 1);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < data.out.size(); ++i) data.out[i] = before.out[i] = T(normal(random));
    const std::vector<double> wanted = definition(p, data);
    Data<T> spoiled(c, Edge::after);
    for (int64_t i = 0; i < data.out.size(); ++i) spoiled.out[i] = data.out[i];
    spoiled.x[int64_t(random()) % data.x.size()] = spoiled.out[int64_t(random()) % data.out.size()] =
        std::numeric_limits<T>::quiet_NaN();
    const std::vector<double> wanted_spoiled = definition(p, spoiled);
    for (const Target* target : available_targets())
        for (WeightKernel one_of :
             {WeightKernel::pixels, WeightKernel::lanes, WeightKernel::rows, WeightKernel::winograd}) {
            if (one_of == WeightKernel::rows && (p.group_c() > 1 || p.sh > 1 || p.sw > 1)) continue;
            if (one_of == WeightKernel::winograd && !winograd_gradient_computes(p)) continue;
            const Chosen kernel{target, one_of};
            Guarded<T> one(p.weight_count(), Edge::after), three(p.weight_count(), Edge::before);
            compare(c, data, wanted, kernel, one, 1);
            compare(c, before, wanted, kernel, three, 3);
            CHECK(std::memcmp(one.data(), three.data(), size_t(one.size()) * sizeof(T)) == 0,
                  "three threads give other bits (%s, kernel %d, %s)", target->name, int(one_of), c.text().c_str());
            compare(c, spoiled, wanted_spoiled, kernel, one, 2);
        }
}

// By the definition, in double: data's `out` is the gradient at the output, `bias` one number for each input channel.
std::vector<double> transposed(const Case& c, const Data<float>& data, const Guarded<float>& bias) {
    const Problem& p = c.problem;
    std::vector<double> result(size_t(p.input_count()));
    for (int64_t i = 0; i < p.input_count(); ++i) result[size_t(i)] = c.bias ? double(bias[i / (p.h * p.w) % p.c]) : 0;
    for (int64_t i = 0; i < p.output_count(); ++i) {
        const int64_t ox = i % p.ow, oy = i / p.ow % p.oh, k = i / (p.oh * p.ow) % p.k, n = i / (p.oh * p.ow) / p.k;
        for (int64_t j = 0; j < p.group_c() * p.taps(); ++j) {
            const int64_t channel = k / p.group_k() * p.group_c() + j / p.taps();
            const int64_t y = oy * p.sh + j / p.kw % p.kh * p.dh - p.pad_top,
                          x = ox * p.sw + j % p.kw * p.dw - p.pad_left;
            if (y < 0 || y >= p.h || x < 0 || x >= p.w) continue;
            result[size_t(((n * p.c + channel) * p.h + y) * p.w + x)] +=
                double(data.out[i]) * double(data.weight[k * p.group_c() * p.taps() + j]);
        }
    }
    for (double& sum : result) {
        if (c.activation != Activation::none && sum < 0) sum = 0;
        if (c.activation == Activation::relu6 && sum > 6) sum = 6;
    }
    return result;
}

void check_input(const Case& c) {
    const Problem& p = c.problem;
    Data<float> data(c, Edge::after), before(c, Edge::before), spoiled(c, Edge::after);
    Guarded<float> bias(p.c, Edge::after), one(p.input_count(), Edge::after), three(p.input_count(), Edge::before);
    std::mt19937 random(c.seed + 1);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < data.out.size(); ++i) data.out[i] = before.out[i] = spoiled.out[i] = float(normal(random));
    for (int64_t i = 0; i < bias.size(); ++i) bias[i] = float(normal(random));
    spoiled.out[int64_t(random()) % data.out.size()] = std::numeric_limits<float>::quiet_NaN();
    const double bound = 2e-6 * (1 + std::sqrt(double(p.group_k() * p.taps())));
    const auto compare = [&](const Target& target, const Data<float>& from, const std::vector<double>& wanted,
                             Guarded<float>& result, int threads) {
        for (int64_t i = 0; i < result.size(); ++i) result[i] = 7;
        const Args args{from.out.data(), from.weight.data(), c.bias ? bias.data() : nullptr, result.data(),
                        c.activation};
        input_gradient_on(target, p, args, threads);
        for (int64_t i = 0; i < result.size(); ++i) {
            const double want = wanted[size_t(i)], got = double(result[i]);
            CHECK(std::isnan(want) ? std::isnan(got) : std::abs(got - want) <= bound,
                  "pixel %d is %.9g, not %.9g (%s, %s)", int(i), got, want, target.name, c.text().c_str());
        }
    };
    const std::vector<double> wanted = transposed(c, data, bias), wanted_spoiled = transposed(c, spoiled, bias);
    for (const Target* target : available_targets()) {
        compare(*target, data, wanted, one, 1);
        compare(*target, before, wanted, three, 3);
        CHECK(std::memcmp(one.data(), three.data(), size_t(one.size()) * sizeof(float)) == 0,
              "three threads give other bits of the input's gradient (%s, %s)", target->name, c.text().c_str());
        compare(*target, spoiled, wanted_spoiled, one, 2);
    }
}

template <class T>
void check_bias(const Case& c) {
    const Problem& p = c.problem;
    const int64_t plane = p.oh * p.ow;
    Guarded<T> grad(p.n * p.k * plane, Edge::after), one(p.k, Edge::after), three(p.k, Edge::before);
    std::mt19937 random(c.seed);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < grad.size(); ++i) grad[i] = T(normal(random));
    grad[0] = std::numeric_limits<T>::quiet_NaN();
    std::vector<double> wanted(size_t(p.k));
    for (int64_t i = 0; i < grad.size(); ++i) wanted[size_t(i / plane % p.k)] += double(grad[i]);
    const double bound = (sizeof(T) == 4 ? 2e-6 : 2e-14) * (1 + std::sqrt(double(p.n * plane)));
    for (const Target* target : available_targets()) {
        bias_gradient_on(*target, p.dtype, p.n, p.k, plane, grad.data(), one.data(), 1);
        bias_gradient_on(*target, p.dtype, p.n, p.k, plane, grad.data(), three.data(), 3);
        for (int64_t k = 0; k < p.k; ++k) {
            const double want = wanted[size_t(k)], got = double(one[k]);
            CHECK(std::isnan(want) ? std::isnan(got) : std::abs(got - want) <= bound,
                  "bias %d is %.9g, not %.9g (%s, %s)", int(k), got, want, target->name, c.text().c_str());
        }
        CHECK(std::memcmp(one.data(), three.data(), size_t(p.k) * sizeof(T)) == 0,
              "three threads give other bits of the bias (%s, %s)", target->name, c.text().c_str());
    }
}

// n c h w k kh kw, stride, padding, dilation, groups: filters past a block and a task, bands of several images and of
// some rows, tasks that share a turned gradient, bands cut into parts, kernel columns that share a copy of the rows,
// Winograd's tiles cut into parts
const Problem many_filters[] = {
    {7, 9, 7, 7, 50, 3, 3, 1, 1, 1, 1, 1, 1},
    {2, 5, 20, 21, 200, 3, 2, 1, 1, 1, 1, 0, 1},
    {3, 40, 9, 8, 72, 3, 3, 2, 2, 1, 1, 1, 1, 2, 1, 2},
    {11, 70, 5, 5, 97, 1, 1},
    {1, 600, 7, 7, 33, 1, 1},
    {1, 3, 1, 700, 34, 1, 5, 1, 1, 0, 0, 2, 2},
    {4, 3, 40, 40, 32, 5, 5, 1, 1, 2, 2, 2, 2},
    {2, 20, 40, 40, 20, 3, 3},
    {2, 8, 61, 64, 32, 3, 3, 2, 2, 1, 1, 1, 1},
    {1, 8, 64, 70, 32, 3, 4, 1, 3, 1, 1, 2, 1, 2, 2},
    {3, 8, 50, 50, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2},
    {1, 1, 150, 151, 1, 3, 3, 1, 1, 2, 0, 1, 3},
};

}  // namespace

int main(int argc, char** argv) {
    CHECK(worth_lanes(checked(many_filters[0]), 8), "many filters of a small plane do not go along the lanes");
    const auto plan = [](int at, int threads) {
        return plan_weight_gradient(checked(many_filters[at]), 16, true, threads);
    };
    CHECK(plan(6, 1).parts > 1 && plan(6, 1).parts == plan(6, 7).parts, "threads decide how bands are cut");
    CHECK(plan(3, 2).keeps_turned, "tasks of the same filters turn the gradient again");
    CHECK(plan(7, 2).in_place && plan(8, 2).copies == 2 && plan(8, 2).shift_x == 1, "kernel columns share no rows");
    const auto by_winograd = [](const Problem& p) { return worth_winograd_gradient(checked(p), 16); };
    CHECK(by_winograd({1, 64, 14, 14, 64, 3, 3, 1, 1, 1, 1, 1, 1}), "many products go by taps");
    CHECK(!by_winograd({1, 3, 64, 64, 32, 3, 3, 1, 1, 1, 1, 1, 1}), "few channels go by Winograd's way");
    CHECK(!by_winograd({1, 32, 4, 100000, 32, 3, 3, 1, 1, 1, 1, 1, 1}), "transformed tiles take more than a call may");
    const auto part_rows = [](int threads) {
        return plan_winograd_gradient(checked(many_filters[11]), 16, threads).part_rows;
    };
    CHECK(part_rows(1) < 38 && part_rows(1) == part_rows(7), "threads decide how tiles are cut");
    CHECK(!worth_lanes(checked({1, 64, 7, 7, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 64}), 8), "one filter fills no lanes");
    const bool less = brief(argc, argv);
    std::vector<Case> all = cases(2, less ? 30 : 60);
    for (const Problem& p : many_filters)
        for (DType dtype : {DType::float32, DType::float64}) {
            Problem of = p;
            of.dtype = dtype;
            all.push_back({checked(of), Activation::none, false, unsigned(all.size())});
        }
    for (const Case& c : all) {
        c.problem.dtype == DType::float32 ? check_bias<float>(c) : check_bias<double>(c);
        if (c.problem.macs() > (less && c.problem.dtype == DType::float64 ? 5e6 : 3e7)) continue;
        if (c.problem.dtype == DType::float64) {
            check_case<double>(c);
            continue;
        }
        check_case<float>(c);
        check_input(c);
    }
    return 0;
}
