// What operators do about children that are set aside (lib/gate/parking.h), by gRPC: the same in every service, each
// for its own partitions. Parse, ask, render.
#pragma once

#include <string>

#include "lib/host/command.h"
#include "lib/rpc/unary.h"
#include "stafett/operations/v1/parking_service.grpc.pb.h"

namespace stafett::host {

class ParkingService final : public operations::v1::Parking::CallbackService {
 public:
  explicit ParkingService(Host& host);

  grpc::ServerUnaryReactor* ListParked(grpc::CallbackServerContext* context,
                                       const operations::v1::ListParkedRequest* request,
                                       operations::v1::ListParkedResponse* response) override;
  grpc::ServerUnaryReactor* GetParked(grpc::CallbackServerContext* context,
                                      const operations::v1::GetParkedRequest* request,
                                      operations::v1::Parked* response) override;
  grpc::ServerUnaryReactor* ReplayParked(grpc::CallbackServerContext* context,
                                         const operations::v1::ReplayParkedRequest* request,
                                         operations::v1::ReplayParkedResponse* response) override;
  grpc::ServerUnaryReactor* DiscardParked(grpc::CallbackServerContext* context,
                                          const operations::v1::DiscardParkedRequest* request,
                                          operations::v1::DiscardParkedResponse* response) override;

 private:
  std::string NameOf(gate::ParkedAt at) const;
  Result<gate::ParkedAt> PlaceOf(const std::string& name) const;
  void Fill(const gate::ParkedChild& child, operations::v1::Parked* out) const;
  Result<Request> Check(const rpc::Call& call, const google::protobuf::Message& request) const;

  Host& host_;
  rpc::Endpoint endpoint_;
};

}  // namespace stafett::host
