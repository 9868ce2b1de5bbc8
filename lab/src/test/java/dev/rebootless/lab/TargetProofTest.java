package dev.rebootless.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.rebootless.manifest.Proof;
import dev.rebootless.manifest.ProofBoot;
import dev.rebootless.manifest.ProofCheck;
import dev.rebootless.manifest.ProofStep;
import dev.rebootless.manifest.ProofTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Livepatches of modules, in real boots with the modules that the kernel was shipped with. */
class TargetProofTest {
    private static final List<CpuProfile> ONE_MODEL =
            List.of(new CpuProfile(CpuProfile.MAX, List.of()));

    /** What af_key shows in /proc/net/pfkey. */
    private static final String CHANGED_PFKEY =
            """
            #include <linux/seq_file.h>
            static int new_pfkey(struct seq_file *m, void *v)
            {
                    seq_puts(m, "rebootless was here\\n");
                    return 0;
            }
            static struct klp_func in_af_key[] = {
                    { .old_name = "pfkey_seq_show", .new_func = new_pfkey }, { }
            };
            """;

    @TempDir static Path shared;
    @TempDir Path folder;

    private static StockKernel kernel;

    @BeforeAll
    static void unpackTheKernel() throws IOException {
        kernel = StockKernel.unpack(shared.resolve("kernel"));
    }

    @Test
    void targetsArePatchedWhenThereBeforeAndWhenTheyComeLateAndAgain() throws IOException {
        // nf_tables needs nfnetlink, which is a target itself, and libcrc32c, which is none.
        Path module =
                livepatch(
                        "lab_targets",
                        CHANGED_PFKEY
                                + """
                                static void nothing(void) { }
                                static struct klp_func in_tables[] = {
                                        { .old_name = "nft_dump_register", .new_func = nothing }, { }
                                };
                                static struct klp_func in_nfnetlink[] = {
                                        { .old_name = "nfnetlink_send", .new_func = nothing }, { }
                                };
                                static struct klp_func in_vmlinux[] = {
                                        { .old_name = "cmdline_proc_show", .new_func = new_pfkey }, { }
                                };
                                static struct klp_object objects[] = {
                                        { .name = "nf_tables", .funcs = in_tables },
                                        { .name = "af_key", .funcs = in_af_key },
                                        { .funcs = in_vmlinux },
                                        { .name = "nfnetlink", .funcs = in_nfnetlink },
                                        { }
                                };
                                """);
        Proof proof =
                prove(
                        request(module, "nf_tables", "af_key", "nfnetlink", "vmlinux")
                                .withReload(true)
                                .withCheck(
                                        check(
                                                """
                                                cat /proc/net/pfkey
                                                grep -q rebootless /proc/net/pfkey &&
                                                grep -q rebootless /proc/cmdline
                                                """)));

        assertThat(proof.reasons()).isEmpty();
        assertThat(proof.notShown()).isEqualTo(Proof.NOT_SHOWN);
        ProofBoot boot = proof.boots().getFirst();
        assertThat(boot.functionsWaiting()).isEmpty();
        assertThat(boot.functionsPatched())
                .containsExactlyInAnyOrder(
                        "af_key:pfkey_seq_show,1",
                        "nf_tables:nft_dump_register,1",
                        "nfnetlink:nfnetlink_send,1",
                        "vmlinux:cmdline_proc_show,1");
        assertThat(boot.checks())
                .extracting(ProofCheck::phase)
                .containsExactly("before", "during", "after", "late", "again");
        assertThat(boot.checks())
                .extracting(check -> check.output().startsWith("sk "))
                .as("the shipped module's own heading")
                .containsExactly(true, false, true, false, false);
        assertThat(boot.targets())
                .extracting(ProofTarget::name)
                .containsExactly("nf_tables", "af_key", "nfnetlink");
        for (ProofTarget target : boot.targets()) {
            assertThat(target.presentSeconds()).isPresent();
            assertThat(target.lateSeconds()).isPresent();
            assertThat(target.againSeconds()).isPresent();
            assertThat(target.notShown()).isEmpty();
        }
        assertThat(boot.steps())
                .hasSizeGreaterThan(20)
                .filteredOn(step -> !step.done())
                .extracting(ProofStep::what)
                .containsExactly("before", "after");
    }

    @Test
    void aKernelThatCannotPatchATargetTwiceIsNotAskedToAndTheProofSaysSo() throws IOException {
        Path module = livepatch("lab_once", CHANGED_PFKEY + onlyIn("af_key", "in_af_key"));

        Proof proof = prove(request(module, "af_key"));

        assertThat(proof.reasons()).isEmpty();
        ProofTarget target = proof.boots().getFirst().targets().getFirst();
        assertThat(target.lateSeconds()).isPresent();
        assertThat(target.againSeconds()).isEmpty();
        assertThat(target.notShown())
                .singleElement()
                .asString()
                .startsWith("inserting af_key again")
                .contains("this kernel cannot");
        assertThat(proof.notShown()).containsAll(target.notShown());
    }

    @Test
    void aTargetThatThisMachineDoesNotTakeDoesNotFailTheProofAndIsNamed() throws IOException {
        // Says ENODEV in every virtual machine (intel_uncore_init()).
        Path module =
                livepatch(
                        "lab_absent",
                        CHANGED_PFKEY.replace("pfkey_seq_show", "uncore_pmu_event_init")
                                + onlyIn("intel_uncore", "in_af_key"));

        Proof proof =
                prove(
                        request(module, "intel-uncore")
                                .withReload(true)
                                .withCheck(check("grep -q rebootless /sys/devices/uncore")));

        assertThat(proof.reasons()).isEmpty();
        ProofBoot boot = proof.boots().getFirst();
        assertThat(boot.functionsPatched()).isEmpty();
        assertThat(boot.functionsWaiting()).containsExactly("intel_uncore:uncore_pmu_event_init,1");
        assertThat(boot.unloadSeconds()).isPresent();
        ProofTarget target = boot.targets().getFirst();
        assertThat(target.presentSeconds()).isEmpty();
        assertThat(target.lateSeconds()).isEmpty();
        assertThat(target.notShown())
                .hasSize(2)
                .anyMatch(line -> line.contains("cannot be inserted on this machine"))
                .anyMatch(line -> line.contains("the check fails while the module is in force"));
        assertThat(proof.notShown()).containsAll(target.notShown());
    }

    @Test
    void aTargetThatTheKernelRefusesUnderTheLivepatchFailsTheProof() throws IOException {
        Path module =
                livepatch(
                        "lab_refuses",
                        CHANGED_PFKEY
                                + """
                                static int only_live(struct klp_object *object)
                                {
                                        return object->mod->state == MODULE_STATE_COMING ? -EINVAL : 0;
                                }
                                static struct klp_object objects[] = {
                                        { .name = "af_key", .funcs = in_af_key,
                                          .callbacks = { .pre_patch = only_live } },
                                        { }
                                };
                                """);

        Proof proof = prove(request(module, "af_key"));

        assertThat(proof.passed()).isFalse();
        assertThat(proof.reasons())
                .anySatisfy(reason ->
                        assertThat(reason)
                                .contains(
                                        "af_key could not be inserted while the livepatch is in force")
                                .contains("refusing to load module 'af_key'"));
        ProofTarget target = proof.boots().getFirst().targets().getFirst();
        assertThat(target.presentSeconds()).isPresent();
        assertThat(target.lateSeconds()).isEmpty();
    }

    @Test
    void aTargetThatCannotBeRemovedLeavesOutWhatNeedsThatAndTheProofSaysSo() throws IOException {
        Path stays =
                kernel.build(
                        folder.resolve("target"),
                        "lab_stays",
                        """
                        #include <linux/module.h>
                        noinline int lab_stays_show(char *text) { return sprintf(text, "old\\n"); }
                        static int show(char *text, const struct kernel_param *_)
                        {
                                return lab_stays_show(text);
                        }
                        static const struct kernel_param_ops ops = { .get = show };
                        module_param_cb(text, &ops, NULL, 0444);
                        static int __init start(void) { return 0; }
                        module_init(start);
                        MODULE_LICENSE("GPL");
                        """);
        Path module =
                livepatch(
                        "lab_permanent",
                        """
                        static int changed(char *text) { return sprintf(text, "new\\n"); }
                        static struct klp_func in_it[] = {
                                { .old_name = "lab_stays_show", .new_func = changed }, { }
                        };
                        """
                                + onlyIn("lab_stays", "in_it"));
        Proof proof =
                prove(
                        ProofRequest.of(kernel.image())
                                .withProfiles(ONE_MODEL)
                                .withModule(module)
                                .withTargets(List.of(new TargetModule("lab_stays", List.of(stays))))
                                .withReload(true)
                                .withCheck(
                                        check("grep new /sys/module/lab_stays/parameters/text")));

        assertThat(proof.reasons()).isEmpty();
        ProofBoot boot = proof.boots().getFirst();
        assertThat(boot.checks()).hasSize(3);
        ProofTarget target = boot.targets().getFirst();
        assertThat(target.presentSeconds()).isPresent();
        assertThat(target.lateSeconds()).isEmpty();
        assertThat(target.notShown())
                .singleElement()
                .asString()
                .startsWith("lab_stays cannot be removed");
    }

    private static String onlyIn(String object, String functions) {
        return """
        static struct klp_object objects[] = { { .name = "%s", .funcs = %s }, { } };
        """
                .formatted(object, functions);
    }

    private Path livepatch(String name, String body) throws IOException {
        return kernel.buildLivepatch(folder.resolve(name), name, body);
    }

    private static ProofRequest request(Path module, String... objects) throws IOException {
        return ProofRequest.of(kernel.image())
                .withProfiles(ONE_MODEL)
                .withModule(module)
                .withTargets(TargetModule.find(kernel.modules(), List.of(objects)));
    }

    private Path check(String script) throws IOException {
        return Files.writeString(folder.resolve("check.sh"), script);
    }

    private static Proof prove(ProofRequest request) {
        Proof proof = Lab.standard().prove(request, System.err::println);
        proof.boots()
                .forEach(boot -> {
                    System.err.println(boot.reasons());
                    System.err.println(boot.targets());
                    System.err.println(boot.steps());
                });
        return proof;
    }
}
