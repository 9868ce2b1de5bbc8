package dev.rebootless.diff;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Locks and reference counts that a change takes or gives back otherwise are named. */
class LockChangesTest {
    private static final String DECLARATIONS =
            """
            struct m; extern struct m a; extern int state;
            void mutex_lock(struct m *); void mutex_unlock(struct m *);
            void *get_device(void *); void put_device(void *);
            void nla_put(void *, int); long ktime_get(void); void skb_put(void *, int);
            int __get_user_4(void *); void wake_up_all(void *); void work(int);
            """;

    private static final String BEFORE =
            "int f(int x) { mutex_lock(&a); state += x; mutex_unlock(&a); return state; }";

    @Test
    void aLockThatIsAddedOrGoesIsNamedWithItsFunctionAndCounts() {
        String without = "int f(int x) { state += x; return state; }";
        assertThat(warnings(without, BEFORE))
                .singleElement()
                .asString()
                .startsWith("f: ")
                .contains("mutex_lock 1 times instead of 0", "mutex_unlock 1 times instead of 0");
        assertThat(warnings(BEFORE, without))
                .singleElement()
                .asString()
                .contains("mutex_lock 0 times instead of 1");
    }

    @Test
    void anUnlockOnAPathThatLackedItIsNamed() {
        String leaks =
                "int f(int x) { mutex_lock(&a); if (x) { work(x); return 0; } work(1);"
                        + " mutex_unlock(&a); return state; }";
        String mended =
                leaks.replace(
                        "work(x); return 0;", "work(x); mutex_unlock(&a); work(3); return 0;");
        assertThat(warnings(leaks, mended))
                .singleElement()
                .asString()
                .contains("mutex_unlock 2 times instead of 1")
                .doesNotContain("mutex_lock ");
    }

    @Test
    void aReferenceThatIsKeptLongerIsNamed() {
        assertThat(
                        warnings(
                                "void f(void *d) { get_device(d); work(1); put_device(d); }",
                                "void f(void *d) { get_device(d); work(1); }"))
                .singleElement()
                .asString()
                .contains("put_device 0 times instead of 1");
    }

    @Test
    void anInlinedReferenceCountIsNamedByItsAtomicInstruction() {
        String atomic =
                "asm volatile(\".pushsection .smp_locks,\\\"a\\\"\\n .balign 4\\n .long 671f - .\\n"
                        + " .popsection\\n 671: lock incl %0\" : \"+m\"(state));";
        assertThat(
                        warnings(
                                "void f(void) { work(1); }",
                                "void f(void) { work(1); " + atomic + " }"))
                .singleElement()
                .asString()
                .contains("atomic instructions 1 times instead of 0");
    }

    @Test
    void aLockThatMovesIntoANewHelperIsNoDifference() {
        String helper =
                "static __attribute__((noinline)) void h(void) { mutex_lock(&a); state++; } "
                        + "int f(int x) { h(); state += x; mutex_unlock(&a); return state; }";
        assertThat(warnings(BEFORE, helper)).isEmpty();
    }

    private static final String HELPER =
            "static __attribute__((noinline)) void h(void) { mutex_lock(&a); state++; } ";

    /** The counts of all functions together are the same. */
    @Test
    void aLockThatMovesIntoANewHelperOfAnotherFunctionIsNamedForBoth() {
        String other = "int f(int x) { state += x; mutex_unlock(&a); return state; } ";
        assertThat(
                        warnings(
                                BEFORE + " void g(void) { work(2); }",
                                HELPER + other + "void g(void) { h(); work(2); }"))
                .hasSize(2)
                .anyMatch(w -> w.startsWith("f: ") && w.contains("mutex_lock 0 times instead of 1"))
                .anyMatch(
                        w -> w.startsWith("g: ") && w.contains("mutex_lock 1 times instead of 0"));
        assertThat(
                        warnings(
                                HELPER + other + "void g(void) { h(); work(2); }",
                                BEFORE + " void g(void) { work(2); }"))
                .hasSize(2)
                .anyMatch(w -> w.startsWith("f: ") && w.contains("mutex_lock 1 times instead of 0"))
                .anyMatch(
                        w -> w.startsWith("g: ") && w.contains("mutex_lock 0 times instead of 1"));
    }

    @Test
    void aHelperThatGoesOrHasAnotherNameIsNoDifference() {
        String f = "int f(int x) { h(); state += x; mutex_unlock(&a); return state; }";
        assertThat(warnings(HELPER + f, BEFORE)).isEmpty();
        String renamed = (HELPER + f).replace("h()", "k()").replace("h(void)", "k(void)");
        assertThat(warnings(HELPER + f, renamed.replace("state++", "state += 2"))).isEmpty();
    }

    @Test
    void aLockThatMovesIntoAHelperOfAHelperIsNoDifference() {
        String two =
                HELPER
                        + "static __attribute__((noinline)) void i(int x) { work(x); h(); work(x); }"
                        + " int f(int x) { i(x); state += x; mutex_unlock(&a); return state; }";
        assertThat(warnings(BEFORE, two)).isEmpty();
    }

    @Test
    void aNewHelperThatIsCalledTwiceLocksTwice() {
        String twice =
                HELPER + "int f(int x) { h(); work(x); h(); mutex_unlock(&a); return state; }";
        assertThat(warnings(BEFORE, twice))
                .singleElement()
                .asString()
                .startsWith("f: ")
                .contains("mutex_lock 2 times instead of 1");
    }

    /** No code of this unit calls it; the kernel may, by the address that f gives away. */
    @Test
    void aNewFunctionThatOnlyATableNamesIsNamedItself() {
        String table =
                "static void h(void) { mutex_lock(&a); state++; }"
                        + " static void (*const table[])(void) = { h, h };"
                        + " int f(int x) { state += x; mutex_unlock(&a); table[x](); return state; }";
        assertThat(warnings(BEFORE, table))
                .hasSize(2)
                .anyMatch(w -> w.startsWith("f: ") && w.contains("mutex_lock 0 times instead of 1"))
                .anyMatch(
                        w -> w.startsWith("h: ") && w.contains("mutex_lock 1 times instead of 0"));
    }

    @Test
    void aNewFunctionWhoseAddressIsTakenDoesNotLockForTheOneThatTakesIt() {
        String callback =
                "static void h(void) { mutex_lock(&a); state++; } void later(void (*)(void));"
                        + " int f(int x) { state += x; mutex_unlock(&a); later(h); return state; }";
        assertThat(warnings(BEFORE, callback))
                .hasSize(2)
                .anyMatch(w -> w.startsWith("f: ") && w.contains("mutex_lock 0 times instead of 1"))
                .anyMatch(w -> w.startsWith("h: "));
    }

    @Test
    void aLockThatMovesBetweenFunctionsThatStayIsNamedForBoth() {
        String one =
                "void g(void) { mutex_lock(&a); work(1); mutex_unlock(&a); }"
                        + " void f(void) { work(2); }";
        String other =
                "void g(void) { work(1); }"
                        + " void f(void) { mutex_lock(&a); work(2); mutex_unlock(&a); }";
        assertThat(warnings(one, other))
                .hasSize(2)
                .anyMatch(w -> w.startsWith("f: "))
                .anyMatch(w -> w.startsWith("g: "));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nla_put(&state, 1);",
                "state = ktime_get();",
                "skb_put(&state, 2);",
                "state = __get_user_4(&state);",
                "wake_up_all(&state);"
            })
    void whatIsNoLockIsNotNamed(String call) {
        assertThat(warnings(BEFORE, BEFORE.replace("return state;", call + " return state;")))
                .isEmpty();
    }

    private static List<String> warnings(String before, String after) {
        ChangeSet changes =
                ObjectDiff.compare(
                        Gcc.SECTIONS.compile(DECLARATIONS + before),
                        Gcc.SECTIONS.compile(DECLARATIONS + after));
        assertThat(changes.changed()).contains("f");
        return changes.lockChanges();
    }
}
