// The weights' gradient against the definition: values, no access outside the arrays (guard pages), the same bits for
// any number of threads, and NaN where a NaN takes part.
#include "choose/gradients.hpp"
#include "check.hpp"
#include "problems.hpp"

#include <cmath>
#include <cstring>
#include <limits>

using namespace striate;

namespace {

// Of data whose `out` is the gradient at the output.
template <class T>
std::vector<double> definition(const Problem& p, const Data<T>& data) {
    std::vector<double> result(size_t(p.weight_count()));
    for (int64_t i = 0; i < p.weight_count(); ++i) {
        const int64_t s = i % p.kw, r = i / p.kw % p.kh, c = i / p.taps() % p.group_c(), k = i / p.taps() / p.group_c();
        const int64_t channel = k / p.group_k() * p.group_c() + c;
        for (int64_t n = 0; n < p.n; ++n)
            for (int64_t oy = 0; oy < p.oh; ++oy)
                for (int64_t ox = 0; ox < p.ow; ++ox) {
                    const int64_t y = oy * p.sh + r * p.dh - p.pad_top, x = ox * p.sw + s * p.dw - p.pad_left;
                    const bool inside = y >= 0 && y < p.h && x >= 0 && x < p.w;
                    const double pixel = inside ? double(data.x[((n * p.c + channel) * p.h + y) * p.w + x]) : 0;
                    result[size_t(i)] += pixel * double(data.out[((n * p.k + k) * p.oh + oy) * p.ow + ox]);
                }
    }
    return result;
}

template <class T>
void compare(const Case& c, const Data<T>& data, Guarded<T>& result, int threads) {
    const Problem& p = c.problem;
    const std::vector<double> wanted = definition(p, data);
    for (int64_t i = 0; i < result.size(); ++i) result[i] = T(7);
    weight_gradient(p, data.x.data(), data.out.data(), result.data(), threads);
    const double bound = (sizeof(T) == 4 ? 2e-6 : 2e-14) * (1 + std::sqrt(double(p.n * p.oh * p.ow)));
    for (int64_t i = 0; i < result.size(); ++i) {
        const double want = wanted[size_t(i)], got = double(result[i]);
        CHECK(std::isnan(want) ? std::isnan(got) : std::abs(got - want) <= bound, "weight %d is %.9g, not %.9g (%s)",
              int(i), got, want, c.text().c_str());
    }
}

template <class T>
void check_case(const Case& c) {
    Data<T> data(c, Edge::after), before(c, Edge::before);
    std::mt19937 random(c.seed + 1);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < data.out.size(); ++i) data.out[i] = before.out[i] = T(normal(random));
    Guarded<T> one(c.problem.weight_count(), Edge::after), three(c.problem.weight_count(), Edge::before);
    compare(c, data, one, 1);
    compare(c, before, three, 3);
    CHECK(std::memcmp(one.data(), three.data(), size_t(one.size()) * sizeof(T)) == 0,
          "three threads give other bits (%s)", c.text().c_str());
    data.x[int64_t(random()) % data.x.size()] = data.out[int64_t(random()) % data.out.size()] =
        std::numeric_limits<T>::quiet_NaN();
    compare(c, data, one, 2);
}

}  // namespace

int main() {
    for (const Case& c : cases(2, 60)) {
        if (c.problem.macs() > 3e7) continue;
        if (c.problem.dtype == DType::float32) check_case<float>(c);
        else check_case<double>(c);
    }
    return 0;
}
