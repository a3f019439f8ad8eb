// What is refused, and that the message names the values.
#include "check.hpp"
#include "choose/plan.hpp"
#include "choose/ways.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace striate;

namespace {

void refused(const Problem& p, const std::string& algorithm, const std::string& fragment) {
    try {
        const Plan plan(p, algorithm, false, 1);
    } catch (const std::invalid_argument& error) {
        CHECK(std::string(error.what()).find(fragment) != std::string::npos, "'%s' does not say '%s'", error.what(),
              fragment.c_str());
        return;
    }
    CHECK(false, "not refused; expected '%s'", fragment.c_str());
}

}  // namespace

int main() {
    refused({1, 1, 2, 4, 1, 3, 3}, "auto", "empty along the height: the padded input has 2 pixels");
    refused({1, 3, 8, 8, 4, 3, 3, 1, 1, 0, 0, 0, 0, 1, 1, 2}, "auto", "got 3 channels and groups=2");
    refused({1, 1, 8, 8, 1, 3, 3, 0}, "auto", "stride must be at least 1, got 0");
    refused({1, 1, 8, 8, 1, 3, 3, 1, 1, -1}, "auto", "padding must lie in [0, 2147483647], got -1");
    refused({1, 1, 8, 8, 1, 3, 3}, "best", "got 'best'");
    refused({1, 1, 8, 8, 1, 3, 3, 2, 2, 0, 0, 0, 0, 3, 3}, "winograd",
            "winograd needs a dilation that divides the stride");
    refused({1, 1, 8, 8, 1, 3, 3, 3, 3}, "winograd", "winograd needs a stride of 1 or 2");
    Problem doubles{1, 1, 8, 8, 1, 3, 3};
    doubles.dtype = DType::float64;
    for (const ListedWay& way : ways()) {
        const std::string name = way.promise.name;
        if (way.promise.elements == Elements::float_only) refused(doubles, name, name + " computes float32 only");
        else CHECK(Plan(doubles, name, false, 1).way().facts.promise.name == name, "%s refuses float64", name.c_str());
    }
    const Plan one({1, 1, 8, 8, 1, 3, 3}, "direct", false, 1), other({1, 1, 8, 8, 1, 3, 3}, "winograd", false, 1);
    const std::vector<float> x(64), weight(9);
    std::vector<float> out(36);
    try {
        other.run(x.data(), *one.pack(weight.data()), nullptr, Activation::none, out.data());
        CHECK(false, "weights of another layout were taken");
    } catch (const std::invalid_argument&) {
    }
    const Plan strict({1, 64, 56, 56, 64, 3, 3}, "auto", true, 1);
    CHECK(strict.way().facts.strict(), "strict chose %s", strict.way().facts.promise.name);
    return 0;
}
