import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link } from "@tanstack/react-router";
import { Empty, ErrorBox, Loading } from "@/components/states";
import { adminSearch, certificateSearch } from "@/features/admin/search";
import { alarmSearch } from "@/features/alarms/search";
import { auditSearch } from "@/features/audit/search";
import { cimSearch } from "@/features/cim/search";
import { controlsSearch } from "@/features/controls/search";
import { deviceSearch, devicesSearch } from "@/features/devices/search";
import { composerSearch, dispatchesSearch } from "@/features/dispatch/search";
import { groupSearch, groupsSearch } from "@/features/groups/search";
import { partnerSearch } from "@/features/partners/search";
import { Shell } from "./shell/Shell";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Empty why="There is no such page.">
      <Link to="/">Overview</Link>
    </Empty>
  ),
});
const parent = { getParentRoute: () => root } as const;

const tree = root.addChildren([
  createRoute({ ...parent, path: "/", component: lazyRouteComponent(() => import("@/features/overview/OverviewPage"), "OverviewPage") }),
  createRoute({ ...parent, path: "/groups", validateSearch: groupsSearch, component: lazyRouteComponent(() => import("@/features/groups/GroupsPage"), "GroupsPage") }),
  createRoute({ ...parent, path: "/groups/$mrid", validateSearch: groupSearch, component: lazyRouteComponent(() => import("@/features/groups/GroupPage"), "GroupPage") }),
  createRoute({ ...parent, path: "/dispatches", validateSearch: dispatchesSearch, component: lazyRouteComponent(() => import("@/features/dispatch/DispatchesPage"), "DispatchesPage") }),
  createRoute({ ...parent, path: "/dispatches/new", validateSearch: composerSearch, component: lazyRouteComponent(() => import("@/features/dispatch/ComposerPage"), "ComposerPage") }),
  createRoute({ ...parent, path: "/dispatches/$mrid", component: lazyRouteComponent(() => import("@/features/dispatch/DispatchPage"), "DispatchPage") }),
  createRoute({ ...parent, path: "/controls", validateSearch: controlsSearch, component: lazyRouteComponent(() => import("@/features/controls/ControlsPage"), "ControlsPage") }),
  createRoute({ ...parent, path: "/controls/$mrid", component: lazyRouteComponent(() => import("@/features/controls/ControlPage"), "ControlPage") }),
  createRoute({ ...parent, path: "/devices", validateSearch: devicesSearch, component: lazyRouteComponent(() => import("@/features/devices/DevicesPage"), "DevicesPage") }),
  createRoute({ ...parent, path: "/devices/import", component: lazyRouteComponent(() => import("@/features/devices/ImportPage"), "ImportPage") }),
  createRoute({ ...parent, path: "/devices/$mrid", validateSearch: deviceSearch, component: lazyRouteComponent(() => import("@/features/devices/DevicePage"), "DevicePage") }),
  createRoute({ ...parent, path: "/alarms", validateSearch: alarmSearch, component: lazyRouteComponent(() => import("@/features/alarms/AlarmsPage"), "AlarmsPage") }),
  createRoute({ ...parent, path: "/integration", component: lazyRouteComponent(() => import("@/features/integration/IntegrationPage"), "IntegrationPage") }),
  createRoute({ ...parent, path: "/cim-messages", validateSearch: cimSearch, component: lazyRouteComponent(() => import("@/features/cim/CimPage"), "CimPage") }),
  createRoute({ ...parent, path: "/partners", component: lazyRouteComponent(() => import("@/features/partners/PartnersPage"), "PartnersPage") }),
  createRoute({ ...parent, path: "/partners/$mrid", validateSearch: partnerSearch, component: lazyRouteComponent(() => import("@/features/partners/PartnerPage"), "PartnerPage") }),
  createRoute({ ...parent, path: "/partner-bench", component: lazyRouteComponent(() => import("@/features/conformance/BenchPage"), "BenchPage") }),
  createRoute({ ...parent, path: "/partner-bench/$mrid", component: lazyRouteComponent(() => import("@/features/conformance/RunPage"), "RunPage") }),
  createRoute({ ...parent, path: "/audit", validateSearch: auditSearch, component: lazyRouteComponent(() => import("@/features/audit/AuditPage"), "AuditPage") }),
  createRoute({ ...parent, path: "/certificates", validateSearch: certificateSearch, component: lazyRouteComponent(() => import("@/features/admin/CertificatesPage"), "CertificatesPage") }),
  createRoute({ ...parent, path: "/admin", validateSearch: adminSearch, component: lazyRouteComponent(() => import("@/features/admin/AdminPage"), "AdminPage") }),
  createRoute({ ...parent, path: "/system", component: lazyRouteComponent(() => import("@/features/system/SystemPage"), "SystemPage") }),
]);

export const router = createRouter({
  routeTree: tree,
  defaultPreload: "intent",
  scrollRestoration: true,
  scrollToTopSelectors: ["#main"],
  defaultPendingMs: 400,
  defaultPendingComponent: () => <Loading what="the page" />,
  defaultErrorComponent: ({ error, reset }) => <ErrorBox what="Showing this page" error={error} retry={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
