#!/usr/bin/env node
// `npm run sbom`: writes the components of the desktop application in CycloneDX format, and their licences. npm lists
// everything installed; only shipped packages are kept.
import { writeFile } from 'node:fs/promises'
import { shippedComponents, writeLicences } from './package/components.mjs'
import { LICENCES, OUTPUT } from './package/configuration.mjs'
import { ensureBuilt } from './setup/application.mjs'
import { ensureNode, lastLine, npmCommand } from './setup/node.mjs'
import { inProject, isProgram, runMain, SetupError, say } from './setup/project.mjs'
import { capture } from './setup/run.mjs'

/**
 * Removes everything that is not shipped from npm's list of the lock file's packages.
 * @typedef {object} Sbom
 * @property {{ 'bom-ref': string }[]} components
 * @property {{ ref: string, dependsOn: string[] }[]} dependencies
 *
 * @param {Sbom} sbom
 * @param {{ name: string, version: string }[]} components
 */
export function onlyShipped(sbom, components) {
  const shipped = new Set(components.map(({ name, version }) => `${name}@${version}`))
  /** @param {string} reference */
  const isShipped = (reference) => shipped.has(reference)
  return {
    ...sbom,
    components: sbom.components.filter((component) => isShipped(component['bom-ref'])),
    dependencies: sbom.dependencies
      .filter(({ ref }) => isShipped(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isShipped) })),
  }
}

async function main() {
  await ensureBuilt(await ensureNode())
  const components = await shippedComponents()
  const npm = npmCommand()
  const words = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
  const { status, stdout, stderr } = await capture(npm.command, [...npm.args, ...words], { cwd: inProject() })
  if (status !== 0) throw new SetupError(`npm sbom ended with ${status}: ${lastLine(stderr)}`)
  await writeLicences(components)
  const sbom = onlyShipped(JSON.parse(stdout), components)
  await writeFile(inProject(OUTPUT, 'sbom.cdx.json'), `${JSON.stringify(sbom, null, 2)}\n`)
  say(`${OUTPUT}/sbom.cdx.json: ${sbom.components.length} packages; ${LICENCES}`)
  return sbom.components.length === components.length ? 0 : 1
}

if (isProgram(import.meta.url)) await runMain(main)
