// Types of the plain JavaScript under build/, as far as tests look at it. That code runs before anything is
// installed, on whichever Node.js the machine has, so it is not TypeScript.

declare module '*/build/setup/node.mjs' {
  export function installedNode(): string | null
}

declare module '*/build/setup/standin.mjs' {
  /** What is pinned of a package that holds an Electron. */
  export interface StandIn {
    version: string
    package: string
    integrity: string
    executable: string
  }
  export const standIn: StandIn
  export const STAND_IN_MARK: string
  export function standInDirectory(pinned?: StandIn): string
  export function ensureStandIn(node: string, pinned?: StandIn): Promise<string>
}

declare module '*/build/setup/system.mjs' {
  export function ensurePackages(wanted: string[], purpose: string): Promise<void>
  export function ensureServers(): Promise<void>
}

declare module '*/build/setup/launch.mjs' {
  type Environment = Readonly<Record<string, string | undefined>>
  export function hasDisplay(environment?: Environment, platform?: string): boolean
  export function absoluteWords(words: string[], environment?: Environment, cwd?: string): string[]
  export function electronArguments(root: string, words: string[], uid: number | undefined): string[]
}

declare module '*/build/setup/sandbox.mjs' {
  /** Of the kernel's switches the content, '' for those that are not there. */
  interface SandboxFacts {
    restrictedByAppArmor: string
    hasProfile: boolean
    unprivileged: string
    most: string
    helper: { uid: number; mode: number } | null
    file: string
  }
  export function sandboxProblem(facts: SandboxFacts): string | null
}

declare module '*/build/setup/project.mjs' {
  export function cacheDirectory(environment?: Readonly<Record<string, string | undefined>>): string
}

declare module '*/build/package/configuration.mjs' {
  type OfSystem = { target: string[] }
  type Configuration = { appId: string; linux: OfSystem; win: OfSystem; mac: OfSystem }
  export function configuration(of: {
    electron: { directory: string; version: string }
    feed?: string
  }): Promise<Configuration>
  export function unpackedExecutable(): string
}

declare module '*/build/package/deb.mjs' {
  export function metainfoText(): Promise<string>
}

declare module '*/build/package/notices.mjs' {
  export function notices(): Promise<string>
}

declare module '*/build/package/fuses.mjs' {
  export function wrongFuses(executable: string): Promise<string[]>
}

declare module '*/build/test/results.mjs' {
  export interface Counts {
    passed: number
    /** Names each failure, with the beginning of what it said. */
    failed: string[]
    /** Names each test that did not run. */
    skipped: string[]
    retried: string[]
  }
  export function stageCounts(title: string, status: number): Counts
  export function vitestCounts(report: object | null, status: number, errors?: string[] | null): Counts
  export function playwrightCounts(report: object | null, status: number): Counts
  export function sum(all: Counts[]): Counts
  export function closingLine(counts: Counts): string
  export function exitCode(counts: Counts, ci: boolean): 0 | 1
  export function isCi(environment?: Readonly<Record<string, string | undefined>>): boolean
}

declare module '*/build/complete-lock.mjs' {
  export function missingEntries(lock: { packages: Record<string, object> }): Record<string, object>
}

declare module '*/build/package/cli.mjs' {
  /** Gives the paths of what was built. */
  export function packageCommandLine(wanted?: ('deb' | 'tar.gz')[], output?: string): Promise<string[]>
}

declare module '*/build/setup/run.mjs' {
  export function capture(
    command: string,
    words: string[],
    options?: { env?: Readonly<Record<string, string | undefined>> },
  ): Promise<{ stdout: string; stderr: string; status: number }>
}
