/** People and programs that use the API: accounts, roles, tokens, the first administrator. */
@NullMarked
package dev.rebootless.fleet.account;

import org.jspecify.annotations.NullMarked;
