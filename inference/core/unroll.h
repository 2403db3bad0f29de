/* inference/core/unroll.h -- short inner loops with their lengths as constants, so that
 * the compiler unrolls them and works on several outer steps at a time.
 */
#ifndef ELBO_UNROLL_H
#define ELBO_UNROLL_H

/* loop(n, ...), n a constant where it is 1 to 5. */
#define ELBO_UNROLL(n, loop, ...)                                              \
    switch (n) {                                                               \
    case 1:                                                                    \
        loop(1, __VA_ARGS__);                                                  \
        break;                                                                 \
    case 2:                                                                    \
        loop(2, __VA_ARGS__);                                                  \
        break;                                                                 \
    case 3:                                                                    \
        loop(3, __VA_ARGS__);                                                  \
        break;                                                                 \
    case 4:                                                                    \
        loop(4, __VA_ARGS__);                                                  \
        break;                                                                 \
    case 5:                                                                    \
        loop(5, __VA_ARGS__);                                                  \
        break;                                                                 \
    default:                                                                   \
        loop(n, __VA_ARGS__);                                                  \
    }

#endif
