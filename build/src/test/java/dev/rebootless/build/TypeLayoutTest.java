package dev.rebootless.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Problem;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.manifest.Manifest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Patches that change types, against a shipped kernel: what living objects can bear. */
@Execution(ExecutionMode.CONCURRENT)
class TypeLayoutTest {
    private static final String EVENTFD = "fs/eventfd.c";
    private static final String MEMBERS = "\t__u64 count;\n\tunsigned int flags;\n\tint id;\n};\n";
    private static final String START = "struct eventfd_ctx {\n\tstruct kref kref;\n";

    private static final String VLAN = "net/8021q/vlan.h";
    private static final String PROTOS =
            "\tVLAN_PROTO_8021Q\t= 0,\n\tVLAN_PROTO_8021AD,\n\tVLAN_PROTO_NUM,\n};\n";

    @TempDir Path folder;

    @Test
    void aNewMemberOfATypeInAFileIsRefusedAndNamesPlaceMemberAndSizes() throws IOException {
        Problem problem =
                refusal(
                        EVENTFD,
                        MEMBERS,
                        "\t__u64 count;\n\tunsigned int flags;\n\tint id;\n\tlong more;\n};\n");
        assertThat(problem.place()).matches("fs/eventfd\\.c:\\d+");
        assertThat(problem.message())
                .startsWith("struct eventfd_ctx: new member more at byte ")
                .contains("its size changes from ");
        assertThat(problem.remedy()).contains("shadow variable");
    }

    @Test
    void aNewMemberInPaddingIsRefusedAndSaysWhatLivingObjectsHoldThere() throws IOException {
        Problem problem = refusal(EVENTFD, START, START + "\tint more;\n");
        assertThat(problem.message())
                .contains("new member more at byte 4", "padding")
                .doesNotContain("size");
    }

    @Test
    void membersThatChangePlacesAreRefusedAndNameBothOffsets() throws IOException {
        Problem problem =
                refusal(EVENTFD, MEMBERS, "\t__u64 count;\n\tint id;\n\tunsigned int flags;\n};\n");
        assertThat(problem.message())
                .containsPattern("member flags moves from byte \\d+ to byte \\d+")
                .contains("member id moves");
    }

    @Test
    void aMemberThatGoesIsRefused() throws IOException {
        String renamed = MEMBERS.replace("count;", "total;\n#define count total");
        assertThat(refusal(EVENTFD, MEMBERS, renamed).message())
                .containsPattern(
                        "new member total at byte (\\d+); member count at byte \\1 is gone");
    }

    @Test
    void anAlignmentThatMovesNoMemberIsRefused() throws IOException {
        assertThat(refusal(EVENTFD, MEMBERS, MEMBERS.replace("};", "} __aligned(16);")).message())
                .contains("alignment");
    }

    @Test
    void aTypedefOfTheSameTypeAndACommentChangeNothing() throws IOException {
        assertThat(explain(EVENTFD, MEMBERS, MEMBERS.replace("__u64 count;", "u64 count; /* x */")))
                .isEqualTo(new BuildOutcome.Unchanged(List.of()));
    }

    @Test
    void aMemberThatBecomesUnsignedIsBuiltWithAWarning() throws IOException {
        BuildOutcome outcome =
                explain(EVENTFD, MEMBERS, MEMBERS.replace("int id;", "unsigned int id;"));
        assertThat(outcome).isInstanceOf(BuildOutcome.Explained.class);
        assertThat(((BuildOutcome.Explained) outcome).warnings())
                .singleElement()
                .asString()
                .startsWith("struct eventfd_ctx (fs/eventfd.c:")
                .contains("member id", "from int to unsigned int");
    }

    /** Kernels take locks out of their wrapping for PREEMPT_RT, where the two do differ. */
    @Test
    void aSpinlockThatBecomesRawIsTheSameBitsAndBuiltWithAWarning() throws IOException {
        BuildOutcome outcome =
                explain(
                        "mm/swap_cgroup.c",
                        "\tspinlock_t\tlock;\n",
                        """
                        \traw_spinlock_t\tlock;
                        #undef spin_lock_irqsave
                        #define spin_lock_irqsave raw_spin_lock_irqsave
                        #define spin_unlock_irqrestore raw_spin_unlock_irqrestore
                        #undef spin_lock_init
                        #define spin_lock_init raw_spin_lock_init
                        """);
        List<String> warnings =
                switch (outcome) {
                    case BuildOutcome.Explained explained -> explained.warnings();
                    case BuildOutcome.Unchanged(List<String> of) -> of;
                    case BuildOutcome.Built _ -> List.of();
                };
        assertThat(warnings)
                .singleElement()
                .asString()
                .startsWith("struct swap_cgroup_ctrl (mm/swap_cgroup.c:")
                .contains("member lock", "from spinlock_t to raw_spinlock_t");
    }

    @Test
    void aLockOfAnotherKindIsRefused() throws IOException {
        assertThat(
                        refusal(
                                        "mm/swap_cgroup.c",
                                        "\tspinlock_t\tlock;\n",
                                        """
                                        \tseqcount_t\tlock;
                                        #undef spin_lock_irqsave
                                        #define spin_lock_irqsave(l, f) (f = (l)->sequence)
                                        #define spin_unlock_irqrestore(l, f) ((l)->sequence = f)
                                        #undef spin_lock_init
                                        #define spin_lock_init(l) seqcount_init(l)
                                        """)
                                .message())
                .contains("member lock", "from spinlock_t to seqcount_t");
    }

    @Test
    void newTypesConstantsAndMacrosAreBuilt() throws IOException {
        BuildOutcome outcome =
                explain(
                        EVENTFD,
                        "__u64 eventfd_signal_mask(struct eventfd_ctx *ctx, __u64 n, unsigned mask)\n{\n",
                        """
                        #define EFD_NEW_FLAG 4
                        enum efd_new { EFD_ONE = 1, EFD_TWO };
                        struct efd_pair { __u64 a, b; };

                        __u64 eventfd_signal_mask(struct eventfd_ctx *ctx, __u64 n, unsigned mask)
                        {
                        \tstruct efd_pair pair = { n, EFD_TWO };

                        \tif (pair.a == EFD_NEW_FLAG && mask == pair.b)
                        \t\treturn 0;
                        """);
        assertThat(functions(outcome)).contains("eventfd_signal_mask");
    }

    @Test
    void aNewConstantAtTheEndOfAnEnumerationOfAHeaderIsBuilt() throws IOException {
        // The units that include it read another text; none compiles to other code.
        assertThat(explain(VLAN, PROTOS, PROTOS.replace("};", "\tVLAN_PROTO_MORE = 7,\n};")))
                .isEqualTo(new BuildOutcome.Unchanged(List.of()));
    }

    @Test
    void aConstantThatChangesItsValueIsRefusedAndNamesBothValues() throws IOException {
        Problem problem =
                refusal(
                        VLAN,
                        PROTOS,
                        PROTOS.replace("\tVLAN_PROTO_NUM", "\tVLAN_PROTO_MORE,\n\tVLAN_PROTO_NUM"));
        assertThat(problem.message()).contains("VLAN_PROTO_NUM: its value changes from 2 to 3");
    }

    @Test
    void aTypeThatGoesIsRefused() throws IOException {
        String start = "struct signalfd_ctx {\n";
        assertThat(
                        refusal("fs/signalfd.c", start, "#define signalfd_ctx other_ctx\n" + start)
                                .message())
                .startsWith("struct signalfd_ctx: it is gone");
    }

    @Test
    void aTypeWithinAFunctionThatOutlivesItIsRefused() throws IOException {
        Problem problem =
                refusal(
                        "mm/memcontrol.c",
                        "\tstruct numa_stat {\n\t\tconst char *name;\n\t\tunsigned int lru_mask;\n",
                        "\tstruct numa_stat {\n\t\tconst char *name;\n\t\tint lru_mask;\n");
        assertThat(problem.message())
                .contains("struct numa_stat in memcg_numa_stat_show", "within a function");
    }

    private Problem refusal(String path, String was, String is) throws IOException {
        Path patch = Edits.replace(folder, StockKernelKit.get(), path, was, is);
        RebootlessException e =
                catchThrowableOfType(RebootlessException.class, () -> explain(patch));
        assertThat(e).as("not refused").isNotNull();
        assertThat(e.status()).as(e.getMessage()).isEqualTo(ExitStatus.REFUSED);
        Problem first = e.problems().getFirst();
        assertThat(first.code()).as(e.getMessage()).isEqualTo("RBL-TYPE-LAYOUT");
        return first;
    }

    private BuildOutcome explain(String path, String was, String is) throws IOException {
        return explain(Edits.replace(folder, StockKernelKit.get(), path, was, is));
    }

    private static BuildOutcome explain(Path patch) {
        return new Build(StockKernelKit.get(), step -> {}, false).explain(List.of(patch));
    }

    private static List<String> functions(BuildOutcome outcome) {
        assertThat(outcome).isInstanceOf(BuildOutcome.Explained.class);
        return ((BuildOutcome.Explained) outcome)
                .objects().stream()
                        .flatMap(o -> o.functions().stream())
                        .map(Manifest.PatchedFunction::name)
                        .toList();
    }
}
