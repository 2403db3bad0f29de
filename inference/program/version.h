/* inference/program/version.h -- what this build is; the Makefile tells.
 */
#ifndef ELBO_VERSION_H
#define ELBO_VERSION_H

#ifndef ELBO_VERSION /* from inference/program/VERSION */
#define ELBO_VERSION "0.1.0"
#endif

#ifndef ELBO_GIT /* the commit, where the build knows it */
#define ELBO_GIT ""
#endif

#endif
