package dev.rebootless.cve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.base.RebootlessException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CveIdTest {
    @Test
    void idsAreSortedByYearAndNumberAndNotByTheirText() {
        assertThat(
                        Stream.of("CVE-2026-100000", "CVE-2026-99999", "CVE-2025-123456")
                                .map(CveId::new)
                                .sorted())
                .extracting(CveId::text)
                .containsExactly("CVE-2025-123456", "CVE-2026-99999", "CVE-2026-100000");
    }

    @Test
    void whatOnlyLooksLikeAnIdIsNone() {
        assertThat(CveId.allIn("(CVE-2026-12345, CVE-2026-1) xCVE-2026-11111 CVE-2026-22222x"))
                .extracting(CveId::text)
                .containsExactly("CVE-2026-12345", "CVE-2026-22222");
        assertThatThrownBy(() -> new CveId("CVE-26-1"))
                .isInstanceOf(RebootlessException.class)
                .hasMessageContaining("is no CVE id");
    }
}
