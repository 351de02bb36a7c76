// Electron's fuses: what the binary can do is decided when it is packaged, and nobody's environment or arguments change it.
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses'

/** As electron-builder calls them. */
export const fuses = {
  // Else any program of this user could have our binary, with what the system lets it do, run a script of its own.
  runAsNode: false,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  enableCookieEncryption: true,
  // Checked by Electron on macOS and Windows; on Linux what root installed is as root installed it.
  enableEmbeddedAsarIntegrityValidation: true,
  onlyLoadAppFromAsar: true,
  loadBrowserProcessSpecificV8Snapshot: false,
  grantFileProtocolExtraPrivileges: false,
}

const OPTIONS = {
  runAsNode: FuseV1Options.RunAsNode,
  enableNodeOptionsEnvironmentVariable: FuseV1Options.EnableNodeOptionsEnvironmentVariable,
  enableNodeCliInspectArguments: FuseV1Options.EnableNodeCliInspectArguments,
  enableCookieEncryption: FuseV1Options.EnableCookieEncryption,
  enableEmbeddedAsarIntegrityValidation: FuseV1Options.EnableEmbeddedAsarIntegrityValidation,
  onlyLoadAppFromAsar: FuseV1Options.OnlyLoadAppFromAsar,
  loadBrowserProcessSpecificV8Snapshot: FuseV1Options.LoadBrowserProcessSpecificV8Snapshot,
  grantFileProtocolExtraPrivileges: FuseV1Options.GrantFileProtocolExtraPrivileges,
}

/**
 * The fuses of a binary that are not as configured, by name; empty if all are.
 * @param {string} executable
 */
export async function wrongFuses(executable) {
  const wire = await getCurrentFuseWire(executable)
  const names = /** @type {(keyof typeof fuses)[]} */ (Object.keys(fuses))
  return names.filter((name) => wire[OPTIONS[name]] !== (fuses[name] ? FuseState.ENABLE : FuseState.DISABLE))
}
