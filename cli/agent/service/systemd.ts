import { getArguments, type ServiceDefinition } from './definition.ts'

/** Quotes a path; % would begin a specifier (systemd.unit(5)). */
const quotePath = (text: string) => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`
/** Quotes a word of ExecStart= (systemd.service(5), "Command lines"); $ would begin a variable. */
const quoteWord = (text: string) =>
  /^[\w@:,./+-]+$/.test(text) ? text : quotePath(text).replaceAll('$', '$$$$')

/** Restrictions that neither service is affected by and that need no mount namespace. */
const BOTH = [
  'UMask=0077',
  'NoNewPrivileges=yes',
  'RestrictSUIDSGID=yes',
  'RestrictRealtime=yes',
  'RestrictNamespaces=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  'SystemCallFilter=@system-service',
  'SystemCallErrorNumber=EPERM',
]

/**
 * The agent reads and tests directories anywhere. In a private mount namespace it would not see that a disk is
 * remounted read-only, so no option that creates one (ProtectSystem, PrivateTmp and similar) may be used.
 */
function agentLines({ scope, user }: ServiceDefinition): string[] {
  const system = [`User=${user}`, 'StateDirectory=holdfast-agent', 'StateDirectoryMode=0700']
  // As root the agent reads every user's files and restores their owners. Any other user needs CAP_LEASE to learn from
  // the kernel which files of other users are open for writing: fcntl(2), "Leases".
  if (user !== 'root') system.push('CapabilityBoundingSet=CAP_LEASE', 'AmbientCapabilities=CAP_LEASE')
  return [
    '# Its folders may be anywhere: it keeps the view of the file systems that everybody has.',
    ...(scope === 'system' ? system : []),
    ...BOTH,
  ]
}

/**
 * The receiver only needs its store, its configuration and the network. V8's compiler needs memory that is writable and
 * executable, so MemoryDenyWriteExecute is not set.
 */
function receiverLines({ scope, user, directory }: ServiceDefinition): string[] {
  // The shell's built-in kill: a small system may have no other one.
  const always = [`ExecReload=/bin/sh -c "kill -HUP $MAINPID"`, ...BOTH]
  if (scope === 'user') return always
  return [
    `User=${user}`,
    // Remembers that the store was set up.
    'StateDirectory=holdfast-receive',
    'StateDirectoryMode=0700',
    'Environment=HOLDFAST_HOME=%S/holdfast-receive',
    ...always,
    'ProtectSystem=strict',
    `ReadWritePaths=${quotePath(directory)}`,
    // The program may be in a home directory.
    'ProtectHome=read-only',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectControlGroups=yes',
    'ProtectProc=invisible',
    'RemoveIPC=yes',
    'CapabilityBoundingSet=',
    'SystemCallFilter=~@privileged @resources',
  ]
}

const described = { agent: 'Holdfast agent', receive: 'Holdfast receiver' }

/** Returns a systemd unit (systemd.service(5), systemd.exec(5)). */
export function buildUnit(service: ServiceDefinition): string {
  const { name, scope, program, directory } = service
  return `${[
    '# Made by "holdfast service install"; "holdfast service uninstall" removes it.',
    '[Unit]',
    `Description=${described[name]}`,
    'Documentation=man:holdfast(1)',
    // A user's systemd has neither of these targets.
    ...(scope === 'system' ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    // Otherwise the files would be written below the mount point while nothing is mounted.
    ...(scope === 'system' && name === 'receive' ? [`RequiresMountsFor=${quotePath(directory)}`] : []),
    '',
    '[Service]',
    ...(name === 'receive'
      ? [
          '# Many files are synced at once, and a disk that hangs must not take every thread.',
          'Environment=UV_THREADPOOL_SIZE=128',
        ]
      : ['Environment=UV_THREADPOOL_SIZE=16']),
    `ExecStart=${[...program, ...getArguments(service)].map(quoteWord).join(' ')}`,
    'Restart=always',
    'RestartSec=3',
    '# It ends within ten seconds, also while a disk hangs; systemd is patient a little longer.',
    'TimeoutStopSec=15',
    'LimitNOFILE=65536',
    ...(name === 'agent' ? agentLines(service) : receiverLines(service)),
    '',
    '[Install]',
    `WantedBy=${scope === 'system' ? 'multi-user.target' : 'default.target'}`,
  ].join('\n')}\n`
}
