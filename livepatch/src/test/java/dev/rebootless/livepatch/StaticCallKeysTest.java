package dev.rebootless.livepatch;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Static calls of one name: objtool knows them by it alone. */
class StaticCallKeysTest {
    private static final String NAME = "__SCT__poll";
    private static final Resolution OF_VMLINUX = Resolution.Klp.ofVmlinux(NAME, 1);
    private static final Resolution EXPORTED = new Resolution.Exported(NAME, 1, "");
    private static final Resolution OF_A_MODULE = new Resolution.Klp("a", NAME, 0, "a");
    private static final Resolution OF_IT_FOR_ANOTHER = new Resolution.Klp("a", NAME, 0, "b");

    @Test
    void oneNameInVmlinuxAndInAModuleIsRefused() {
        for (Resolution first : List.of(OF_VMLINUX, EXPORTED)) {
            for (List<Resolution> both :
                    List.of(List.of(first, OF_A_MODULE), List.of(OF_A_MODULE, first))) {
                assertThatThrownBy(() -> ModuleLinker.requireKeysToldApart(both))
                        .hasMessageContaining("RBL-STATIC-CALL-KEY")
                        .hasMessageContaining(NAME);
            }
        }
    }

    /** Nothing that refers to a key of a module stays in the table. */
    @Test
    void oneNameInModulesAloneIsAccepted() {
        assertThatCode(() ->
                        ModuleLinker.requireKeysToldApart(
                                List.of(
                                        OF_A_MODULE,
                                        OF_IT_FOR_ANOTHER,
                                        new Resolution.Klp("b", NAME, 0, "b"),
                                        Resolution.Klp.ofVmlinux("__SCT__other", 0),
                                        Resolution.Klp.ofVmlinux("poll", 1))))
                .doesNotThrowAnyException();
    }
}
