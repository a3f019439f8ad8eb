// Problems to compute, their data, and what they should give.
#pragma once

#include "base/problem.hpp"
#include "guarded.hpp"

#include <random>
#include <string>
#include <vector>

struct Case {
    striate::Problem problem;
    striate::Activation activation;
    bool bias;
    unsigned seed;
    std::string text() const;
};

// Whether a test is asked, by its one argument, to do with less: for processors that are emulated.
inline bool brief(int argc, char** argv) { return argc > 1 && std::string(argv[1]) == "brief"; }

// Named shapes that are easy to get wrong, then `count` random ones drawn from `seed`.
std::vector<Case> cases(unsigned seed, int count);

// x, weight and bias of a case; outputs hold 7 before a run. Arrays stand against guard pages.
template <class T>
struct Data {
    Guarded<T> x, weight, bias, out;
    Data(const Case& c, Edge edge);
};

// By the definition, in double, one output at a time.
template <class T>
std::vector<double> reference(const Case& c, const Data<T>& data);
