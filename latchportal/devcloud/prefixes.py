"""Which addresses, tags and ports Azure takes in a security rule. Pure; raises nothing, answers yes or no."""

import ipaddress
import re

_PORTS = re.compile(r"^(\d{1,5})(?:-(\d{1,5}))?$")
_TAG = re.compile(r"^(?P<tag>[A-Za-z][A-Za-z0-9]*)(?:\.[A-Za-z0-9]+)?$")
# The service tags a rule may name (alone or with a region after a dot), as far as this cloud knows them.
_TAGS = (
    "ActionGroup ApiManagement AppConfiguration AppService AppServiceManagement AzureActiveDirectory "
    "AzureActiveDirectoryDomainServices AzureAdvancedThreatProtection AzureArcInfrastructure AzureBackup "
    "AzureBotService AzureCloud AzureConnectors AzureContainerRegistry AzureCosmosDB AzureDatabricks "
    "AzureDevOps AzureEventGrid AzureFrontDoor AzureKeyVault AzureLoadBalancer AzureMachineLearning "
    "AzureMonitor AzurePlatformDNS AzurePlatformIMDS AzurePlatformLKM AzureResourceManager "
    "AzureSiteRecovery AzureTrafficManager BatchNodeManagement DataFactory EventHub GatewayManager "
    "GuestAndHybridManagement HDInsight Internet LogicApps MicrosoftContainerRegistry PowerBI ServiceBus "
    "ServiceFabric Sql SqlManagement Storage StorageSyncService VirtualNetwork WindowsAdminCenter WindowsVirtualDesktop"
)
TAGS = frozenset(_TAGS.lower().split())


def is_tag(text: str) -> bool:
    """A known service tag, perhaps with a region or a part behind a dot."""
    match = _TAG.match(text)
    return bool(match) and match["tag"].lower() in TAGS if match else False


def family(text: str) -> int | None:
    """4 or 6 for an address or network, None for anything that is not one."""
    try:
        return ipaddress.ip_network(text, strict=True).version
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """An address or a network without host bits.

    A bare whole number is taken too: real Azure accepted "789" and "1234", reading them as 32-bit addresses.
    """
    if text.isascii() and text.isdigit():
        return int(text) < 2**32
    return family(text) is not None


def is_ports(text: str) -> bool:
    """`22` or `1024-65535`, from 0 to 65535, the smaller first. Not `*`."""
    match = _PORTS.match(text)
    if not match:
        return False
    low, high = int(match[1]), int(match[2] or match[1])
    return low <= high <= 65535
