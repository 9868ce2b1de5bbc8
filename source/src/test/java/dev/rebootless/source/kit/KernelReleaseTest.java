package dev.rebootless.source.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.kernel.DebianVersion;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelReleaseTest {
    @Test
    void theNameOfADebian12ReleaseGivesLineAndFlavour() {
        KernelRelease release = new KernelRelease("6.1.0-56-cloud-amd64");
        assertThat(release.line()).isEqualTo("6.1");
        assertThat(release.flavour()).isEqualTo("cloud-amd64");
        assertThat(release.suite()).isEmpty();
        assertThat(release.realtime()).isFalse();
    }

    @Test
    void theNameOfABackportedReleaseGivesTheSuiteToo() {
        KernelRelease release = new KernelRelease("6.12.117+deb12-rt-amd64");
        assertThat(release.line()).isEqualTo("6.12");
        assertThat(release.flavour()).isEqualTo("rt-amd64");
        assertThat(release.suite()).contains(12);
        assertThat(release.realtime()).isTrue();
        assertThat(new KernelRelease("6.12.115+deb13.1-cloud-amd64").suite()).contains(13);
    }

    @Test
    void aNameThatWouldLeaveTheCacheIsRefused() {
        for (String text :
                List.of(
                        "",
                        "..",
                        "6.1.0-56-../../etc",
                        "6.1.0/amd64",
                        "-o",
                        "6.1.0-56-cloud amd64",
                        "6.1.0-56-\n",
                        "6.1.0-5-" + "a".repeat(80))) {
            assertThatThrownBy(() -> new KernelRelease(text))
                    .isInstanceOfSatisfying(
                            RebootlessException.class,
                            e -> assertThat(e.status()).isEqualTo(ExitStatus.USAGE))
                    .hasMessageContaining("RBL-KERNEL-RELEASE");
        }
    }

    @Test
    void aRequestIsReadAsTheCommandLineWritesIt() {
        assertThat(KernelRequest.parse("6.1.0-56-cloud-amd64=6.1.192-2").version())
                .contains(new DebianVersion("6.1.192-2"));
        assertThat(KernelRequest.parse("6.1.0-56-amd64").version()).isEmpty();
        assertThat(KernelRequest.parse("6.1.0-56-amd64=6.1.192-2"))
                .hasToString("6.1.0-56-amd64=6.1.192-2");
    }
}
