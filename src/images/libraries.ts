import { posix } from "node:path";
import type { Finding } from "../domain/finding.ts";
import type { Platform } from "../domain/identifiers.ts";
import type { BaseSystem } from "./base-files.ts";
import { type Elf, isNewer } from "./elf.ts";

/** A program or library of an installed package. */
export interface PackageElf {
  /** In the folder of the packages. */
  readonly path: string;
  /** `lightgbm 4.5.0` */
  readonly package: string;
  readonly elf: Elf;
}

/** A library that neither the base nor any package has. */
export interface MissingLibrary {
  readonly library: string;
  /** Who needs it: packages, in the order of their names. */
  readonly packages: readonly string[];
  /** One of the files that do. */
  readonly example: string;
}

/**
 * What would not be found when packages are loaded. The loader looks where a file itself says, then where the system says; and takes
 * what the process has loaded already under that name, which packages use (`ctypes.CDLL` of one before another). So a library counts
 * as found when any package brings a file of its name, wherever `$ORIGIN` of the one that needs it would lead.
 *
 * @param names of all files that packages bring
 */
export function missingLibraries(
  objects: readonly PackageElf[],
  names: ReadonlySet<string>,
  system: BaseSystem,
  platform: Platform,
): readonly MissingLibrary[] {
  const missing = new Map<string, { readonly packages: Set<string>; readonly example: string }>();
  for (const { elf, path, package: owner } of objects) {
    if (`linux/${elf.machine}` !== platform) continue; // data, or a part for another machine: nobody loads it here
    for (const library of elf.needed) {
      const name = posix.basename(library);
      if (system.libraries.has(name) || names.has(name) || isOfDriver(name)) continue;
      if (system.libc?.kind === "musl" && /^libc\.musl-|^libc\.so$/.test(name)) continue;
      const known = missing.get(name) ?? { packages: new Set<string>(), example: path };
      known.packages.add(owner);
      missing.set(name, known);
    }
  }
  return [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([library, { packages, example }]) => ({ library, packages: [...packages].sort(), example }));
}

/** Findings about packages that a base cannot load: errors, unless `checks` say otherwise. */
export function libraryFindings(
  objects: readonly PackageElf[],
  names: ReadonlySet<string>,
  system: BaseSystem,
  { platform, base }: { readonly platform: Platform; readonly base: string },
): readonly Finding[] {
  if (system.libc === null) return [];
  const missing = missingLibraries(objects, names, system, platform).map(({ library, packages, example }): Finding => {
    const debian = debianPackages[library];
    const install =
      debian === undefined ? "the system package that has it" : `\`apt-get install ${debian}\` on Debian and Ubuntu`;
    return {
      id: "library-missing",
      level: "error",
      where: `${example}, on ${base}`,
      what: `${packages.join(", ")} ${packages.length === 1 ? "needs" : "need"} ${library}, which neither the base nor any package has: importing it would fail.`,
      fix: `Use a base that has it (${install}, in a Dockerfile of your own that is pushed once). When nothing loads this file, say so: \`checks: { library-missing: { level: warning, reason: … } }\`.`,
      source: "https://man7.org/linux/man-pages/man8/ld.so.8.html",
    };
  });
  return [...missing, ...tooOld(objects, system, platform, base)];
}

function tooOld(
  objects: readonly PackageElf[],
  { libc }: BaseSystem,
  platform: Platform,
  base: string,
): readonly Finding[] {
  if (libc?.kind !== "glibc") return [];
  const wanting = objects.filter(
    ({ elf }) => `linux/${elf.machine}` === platform && elf.glibc !== null && isNewer(elf.glibc, libc.version),
  );
  const [first] = wanting;
  if (first === undefined) return [];
  const packages = [...new Set(wanting.map((one) => one.package))].sort().join(", ");
  return [
    {
      id: "glibc-too-old",
      level: "error",
      where: `${first.path}, on ${base}`,
      what: `${packages}: wants glibc ${first.elf.glibc}, and the base has ${libc.version}.`,
      fix: "Use a base with a newer system, or lock a version of the package that was made for this one.",
    },
  ];
}

/** What the driver of a graphics card puts into a container when it starts. */
function isOfDriver(library: string): boolean {
  return /^lib(cuda|nvidia-[\w-]+|nvcuvid|vdpau_nvidia)\.so/.test(library);
}

/** Those that are missed most, with a name that does not tell. */
const debianPackages: Readonly<Record<string, string>> = {
  "libGL.so.1": "libgl1",
  "libEGL.so.1": "libegl1",
  "libgomp.so.1": "libgomp1",
  "libglib-2.0.so.0": "libglib2.0-0",
  "libgthread-2.0.so.0": "libglib2.0-0",
  "libstdc++.so.6": "libstdc++6",
  "libgcc_s.so.1": "libgcc-s1",
  "libgfortran.so.5": "libgfortran5",
  "libopenblas.so.0": "libopenblas0",
  "libpq.so.5": "libpq5",
  "libodbc.so.2": "unixodbc",
  "libmysqlclient.so.21": "libmysqlclient21",
  "libmariadb.so.3": "libmariadb3",
  "libxml2.so.2": "libxml2",
  "libxslt.so.1": "libxslt1.1",
  "libz.so.1": "zlib1g",
  "libexpat.so.1": "libexpat1",
  "libffi.so.8": "libffi8",
  "libssl.so.3": "libssl3",
  "libcrypto.so.3": "libssl3",
  "libsqlite3.so.0": "libsqlite3-0",
  "libX11.so.6": "libx11-6",
  "libXext.so.6": "libxext6",
  "libXrender.so.1": "libxrender1",
  "libSM.so.6": "libsm6",
  "libxcb.so.1": "libxcb1",
  "libaio.so.1": "libaio1",
};
