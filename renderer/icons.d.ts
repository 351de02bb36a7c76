/** Each icon's own module has no types of its own; the package's root, which has them, is every icon at once. */
declare module '@tabler/icons-react/dist/esm/icons/*' {
  const icon: import('@tabler/icons-react').Icon
  export default icon
}
