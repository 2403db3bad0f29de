/* tests/bench/bench_start.c -- a program that does nothing: what the loader and
 * the libraries cost before `elbo` does anything.
 */
int main(void)
{
    return 0;
}
